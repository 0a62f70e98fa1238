//! The connection to a cluster, and the retry loop of a single call.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use homeroom_proto::v1;
use tokio::time::Instant;
use tonic::{Request, Response, Status, transport::Channel, transport::Uri};

use crate::batch::Parts;
use crate::endpoints::{Endpoints, Node};
use crate::retry::Backoff;
use crate::{Batch, CallError, EndpointError, Failure, Position, PositionError, RetryPolicy};

/// Pages of windows and batches of profiles outgrow tonic's 4 MiB.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Deadlines and retries of calls.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// The deadline of a call, all attempts included.
    pub deadline: Duration,
    /// The deadline of one attempt, so that a node that hangs does not use up the whole deadline.
    pub attempt: Duration,
    /// The pauses between attempts.
    pub retry: RetryPolicy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            attempt: Duration::from_secs(5),
            retry: RetryPolicy::default(),
        }
    }
}

/// A connection to a cluster. Clones share it, and the merged position of all acknowledgements.
#[derive(Clone, Debug)]
pub struct Client {
    endpoints: Endpoints,
    options: ClientOptions,
    position: Arc<Mutex<Position>>,
}

/// The deadlines of one kind of call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallKind {
    pub(crate) operation: &'static str,
    deadline: Duration,
    attempt: Duration,
    /// Whether the node gets the deadline (`grpc-timeout`). A stream lives longer than its opening,
    /// so its node must not get it.
    announced: bool,
}

impl Client {
    /// A client of these nodes, tried in this order. Connects with the first call. Must be created
    /// inside a tokio runtime.
    pub fn connect(endpoints: Vec<Uri>) -> Result<Self, EndpointError> {
        Self::connect_with(endpoints, ClientOptions::default())
    }

    /// Like [`Self::connect`], with other deadlines.
    pub fn connect_with(
        endpoints: Vec<Uri>,
        options: ClientOptions,
    ) -> Result<Self, EndpointError> {
        Ok(Self {
            endpoints: Endpoints::new(endpoints)?,
            options,
            position: Arc::default(),
        })
    }

    /// The merged position of everything acknowledged so far. Reads without a position of their own
    /// use it, and are at least as new.
    pub fn position(&self) -> Position {
        self.position
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Merges a position from elsewhere, so that later reads are at least as new.
    pub fn observe(&self, token: &v1::PositionToken) -> Result<(), PositionError> {
        self.position
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .merge_token(token)
    }

    /// Publishes one batch and waits for its outcomes. Events with the outcome `EVENT_STATUS_RETRY`
    /// are sent again, with the same ids, until the deadline. One that still has it in the answer
    /// has no outcome: with `unknown` it may or may not be stored, and may yet be; without, it is
    /// not stored.
    ///
    /// An event whose outcome was unknown and is then `DUPLICATE` counts: an earlier delivery of it
    /// was in, or is now.
    ///
    /// # Errors
    /// When no event of the batch got an outcome, or a node refused for good those that were sent
    /// again. [`CallError::has_no_side_effects`] tells whether nothing of it is stored.
    pub async fn publish(&self, batch: &Batch) -> Result<Vec<v1::EventOutcome>, CallError> {
        let started = Instant::now();
        let mut backoff = Backoff::new(self.options.retry);
        let mut outcomes = self.publish_once(batch.all()).await?;
        loop {
            let again: Vec<usize> = positions_to_retry(&outcomes);
            let delay = backoff.next_delay(None);
            if again.is_empty() || started.elapsed() + delay >= self.options.deadline {
                return Ok(outcomes);
            }
            tokio::time::sleep(delay).await;
            match self.publish_once(batch.only(&again)).await {
                Ok(newer) => {
                    for (index, outcome) in again.into_iter().zip(newer) {
                        supersede(&mut outcomes[index], outcome);
                    }
                }
                // The outcomes of the others stand.
                Err(CallError::TimedOut {
                    no_side_effects, ..
                }) => {
                    for index in again {
                        outcomes[index].unknown |= !no_side_effects;
                    }
                    return Ok(outcomes);
                }
                Err(CallError::Refused {
                    operation, failure, ..
                }) => {
                    return Err(CallError::Refused {
                        operation,
                        failure,
                        no_side_effects: nothing_stored(&outcomes),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn publish_once(&self, (events, raw): Parts) -> Result<Vec<v1::EventOutcome>, CallError> {
        let request = v1::PublishRequest { events, raw };
        let answer = self
            .unary("Publish", request, |channel, request| async move {
                v1::ingest_service_client::IngestServiceClient::new(channel)
                    .max_decoding_message_size(ANSWER_BYTES_MAX)
                    .publish(request)
                    .await
            })
            .await?;
        if let Some(token) = &answer.position {
            self.observe(token)?;
        }
        Ok(answer.outcomes)
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    fn kind(&self, operation: &'static str) -> CallKind {
        CallKind {
            operation,
            deadline: self.options.deadline,
            attempt: self.options.attempt,
            announced: true,
        }
    }

    /// A call that does long work on the node, with a deadline of its own.
    pub(crate) fn long(&self, operation: &'static str, deadline: Duration) -> CallKind {
        CallKind {
            deadline,
            attempt: deadline,
            ..self.kind(operation)
        }
    }

    pub(crate) fn streaming(&self, operation: &'static str) -> CallKind {
        CallKind {
            announced: false,
            ..self.kind(operation)
        }
    }

    /// An ordinary call, within the client's deadlines.
    pub(crate) async fn unary<Q, A, F>(
        &self,
        operation: &'static str,
        message: Q,
        attempt: impl Fn(Channel, Request<Q>) -> F,
    ) -> Result<A, CallError>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        self.call(self.kind(operation), message, attempt).await
    }

    /// Retries until an answer, a final refusal, or the deadline.
    pub(crate) async fn call<Q, A, F>(
        &self,
        kind: CallKind,
        message: Q,
        attempt: impl Fn(Channel, Request<Q>) -> F,
    ) -> Result<A, CallError>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let started = Instant::now();
        let mut backoff = Backoff::new(self.options.retry);
        let mut no_side_effects = true;
        loop {
            let node = self.endpoints.current();
            let left = kind
                .deadline
                .saturating_sub(started.elapsed())
                .min(kind.attempt);
            let mut request = Request::new(message.clone());
            if kind.announced {
                request.set_timeout(left);
            }
            let answer = tokio::time::timeout(left, attempt(node.channel.clone(), request)).await;
            let failure = match answer {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => Failure::new(&node.name, status),
                Err(_) => hung(node, left),
            };
            no_side_effects &= failure.has_no_side_effects();
            if !failure.is_retryable() {
                let operation = kind.operation;
                return Err(CallError::Refused {
                    operation,
                    failure,
                    no_side_effects,
                });
            }
            if failure.points_elsewhere() {
                self.endpoints.leave(node);
            }
            let delay = backoff.next_delay(failure.retry_after());
            if started.elapsed() + delay >= kind.deadline {
                return Err(CallError::TimedOut {
                    operation: kind.operation,
                    waited: kind.deadline,
                    last: Some(failure),
                    no_side_effects,
                });
            }
            tokio::time::sleep(delay).await;
        }
    }

    /// Adds the client's position, unless the request names a position or another consistency.
    pub(crate) fn with_position(&self, read: Option<v1::ReadOptions>) -> Option<v1::ReadOptions> {
        let mut read = read.unwrap_or_default();
        let takes_token = matches!(
            read.consistency(),
            v1::Consistency::Unspecified | v1::Consistency::Session
        );
        if takes_token && read.position.is_none() {
            read.position = self.position().to_token();
        }
        Some(read)
    }
}

/// The positions of the events in a batch that must be sent again.
pub(crate) fn positions_to_retry(outcomes: &[v1::EventOutcome]) -> Vec<usize> {
    let retry = v1::EventStatus::Retry as i32;
    let indexed = outcomes.iter().enumerate();
    indexed
        .filter(|(_, outcome)| outcome.status == retry)
        .map(|(index, _)| index)
        .collect()
}

/// Whether certainly no event is stored.
fn nothing_stored(outcomes: &[v1::EventOutcome]) -> bool {
    let retry = v1::EventStatus::Retry;
    outcomes
        .iter()
        .all(|outcome| outcome.status() == retry && !outcome.unknown)
}

/// Replaces the outcome of an event that was sent again. A later attempt that stored nothing does
/// not resolve what an earlier one left unknown.
pub(crate) fn supersede(outcome: &mut v1::EventOutcome, newer: v1::EventOutcome) {
    let was_unknown = outcome.unknown;
    *outcome = newer;
    outcome.unknown |= was_unknown && outcome.status() == v1::EventStatus::Retry;
}

fn hung(node: &Node, waited: Duration) -> Failure {
    let message = format!("no answer within {waited:?}");
    Failure::new(&node.name, Status::deadline_exceeded(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_final_outcome_resolves_an_unknown_one() {
        let of = |status: v1::EventStatus, unknown| v1::EventOutcome {
            status: status.into(),
            unknown,
            ..v1::EventOutcome::default()
        };
        let (unknown, refused) = (
            of(v1::EventStatus::Retry, true),
            of(v1::EventStatus::Retry, false),
        );
        let duplicate = of(v1::EventStatus::Duplicate, false);
        for (first, newer, expected) in [
            (&unknown, &refused, &unknown),
            (&refused, &unknown, &unknown),
            (&refused, &refused, &refused),
            (&unknown, &duplicate, &duplicate),
        ] {
            let mut outcome = first.clone();
            supersede(&mut outcome, newer.clone());
            assert_eq!(&outcome, expected, "{first:?}, then {newer:?}");
        }
    }
}
