//! A watch over one learner that opens itself again.

use homeroom_proto::v1;
use tonic::{Status, Streaming};

use crate::learners::service;
use crate::retry::Backoff;
use crate::{CallError, Client, Failure};

const OPERATION: &str = "WatchLearner";

/// A watch over one learner that opens itself again when its connection breaks.
///
/// After a reconnect the node tells the present profile anew, even if it has not changed.
#[derive(Debug)]
pub struct LearnerWatch {
    client: Client,
    request: v1::WatchLearnerRequest,
    answers: Option<Streaming<v1::WatchLearnerResponse>>,
    backoff: Backoff,
}

impl LearnerWatch {
    pub(crate) fn new(client: Client, request: v1::WatchLearnerRequest) -> Self {
        let backoff = Backoff::new(client.options().retry);
        Self {
            client,
            request,
            answers: None,
            backoff,
        }
    }

    /// The next profile. Fails when a node refuses for good, or none could be reached within the client's deadline.
    pub async fn next(&mut self) -> Result<v1::WatchLearnerResponse, CallError> {
        loop {
            let failure = match &mut self.answers {
                None => {
                    self.answers = Some(self.open().await?);
                    continue;
                }
                Some(answers) => match answers.message().await {
                    Ok(Some(answer)) => {
                        self.backoff.reset();
                        return Ok(answer);
                    }
                    // A node that stops ends its watches without an error.
                    Ok(None) => self.failure(Status::unavailable("the watch ended")),
                    Err(status) => self.failure(status),
                },
            };
            self.answers = None;
            if !failure.is_retryable() {
                return Err(CallError::BrokeOff {
                    operation: OPERATION,
                    failure,
                });
            }
            let delay = self.backoff.next_delay(failure.retry_after());
            tokio::time::sleep(delay).await;
        }
    }

    async fn open(&self) -> Result<Streaming<v1::WatchLearnerResponse>, CallError> {
        let kind = self.client.streaming(OPERATION);
        let request = self.request.clone();
        self.client
            .call(kind, request, |channel, request| async move {
                service(channel).watch_learner(request).await
            })
            .await
    }

    fn failure(&self, status: Status) -> Failure {
        Failure::new(&self.client.endpoints().current().name, status)
    }
}
