//! The way in: a connection to a cluster, and how one call is made.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use homeroom_proto::v1;
use tokio::time::Instant;
use tonic::{Request, Response, Status, transport::Channel, transport::Uri};

use crate::batch::Parts;
use crate::endpoints::{Endpoints, Node};
use crate::retry::Backoff;
use crate::{
    Acknowledgements, Batch, CallError, EndpointError, Failure, Position, PositionError, Publisher,
    PublisherOptions, RetryPolicy,
};

/// Pages of windows and batches of profiles outgrow tonic's 4 MiB.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How long a client waits, and how it tries again.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// A call with all its attempts.
    pub deadline: Duration,
    /// One attempt, so that a node that hangs does not use up the deadline.
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

/// A connection to a cluster. Clones share it, and the position of all that was acknowledged through it.
#[derive(Clone, Debug)]
pub struct Client {
    endpoints: Endpoints,
    options: ClientOptions,
    position: Arc<Mutex<Position>>,
}

/// How one kind of call is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallKind {
    pub(crate) operation: &'static str,
    deadline: Duration,
    attempt: Duration,
    /// A stream lives on after it was opened: its node must not be told of the deadline for opening it.
    announced: bool,
}

impl Client {
    /// A client of these nodes, which are tried in this order. Connects with the first call; must be made inside a tokio runtime.
    pub fn connect(endpoints: Vec<Uri>) -> Result<Self, EndpointError> {
        Self::connect_with(endpoints, ClientOptions::default())
    }

    /// Like [`Self::connect`], with other waits.
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

    /// The position of everything acknowledged so far. Reads that ask for nothing else are at least as new.
    pub fn position(&self) -> Position {
        self.position
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Joins in a position from elsewhere, so that reads are at least as new.
    pub fn observe(&self, token: &v1::PositionToken) -> Result<(), PositionError> {
        self.position
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .merge_token(token)
    }

    /// Opens a stream of batches; the acknowledgements are to be taken while batches are sent.
    pub fn publisher(&self, options: PublisherOptions) -> (Publisher, Acknowledgements) {
        Publisher::start(self.clone(), options)
    }

    /// Publishes one batch and waits for its outcomes. Events that the node asks to send again are sent again; what is still
    /// `EVENT_STATUS_RETRY` in the answer found no taker within the deadline, and nothing of it is stored.
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
            let newer = self.publish_once(batch.only(&again)).await?;
            for (index, outcome) in again.into_iter().zip(newer) {
                outcomes[index] = outcome;
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

    /// Work that takes its time on the node.
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

    /// An ordinary call, within the client's own deadline.
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

    /// Asks until there is an answer, a refusal that is final, or no time left.
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

    /// Asks for reads at least as new as what this client was told, unless the caller asked for something else.
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

/// Where a batch's outcomes ask to be sent again.
pub(crate) fn positions_to_retry(outcomes: &[v1::EventOutcome]) -> Vec<usize> {
    let retry = v1::EventStatus::Retry as i32;
    let indexed = outcomes.iter().enumerate();
    indexed
        .filter(|(_, outcome)| outcome.status == retry)
        .map(|(index, _)| index)
        .collect()
}

fn hung(node: &Node, waited: Duration) -> Failure {
    let message = format!("no answer within {waited:?}");
    Failure::new(&node.name, Status::deadline_exceeded(message))
}
