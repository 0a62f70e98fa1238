//! Watches that reconnect.

use futures::future::BoxFuture;
use homeroom_proto::v1;
use tonic::{Request, Response, Status, Streaming, transport::Channel};

use crate::retry::Backoff;
use crate::{CallError, Client, Failure};

/// A watch that reopens when its connection breaks.
///
/// After a reconnect the node sends the present state again, changed or not.
#[derive(Debug)]
pub struct Watch<Q, A> {
    client: Client,
    operation: &'static str,
    request: Q,
    open: Open<Q, A>,
    answers: Option<Streaming<A>>,
    backoff: Backoff,
}

/// A watch of one learner.
pub type LearnerWatch = Watch<v1::WatchLearnerRequest, v1::WatchLearnerResponse>;
/// A watch of one course.
pub type CourseWatch = Watch<v1::WatchCourseRequest, v1::WatchCourseResponse>;

type Opened<A> = Result<Response<Streaming<A>>, Status>;
type Open<Q, A> = fn(Channel, Request<Q>) -> BoxFuture<'static, Opened<A>>;

impl<Q: Clone, A> Watch<Q, A> {
    pub(crate) fn new(
        client: Client,
        operation: &'static str,
        request: Q,
        open: Open<Q, A>,
    ) -> Self {
        let backoff = Backoff::new(client.options().retry);
        Self {
            client,
            operation,
            request,
            open,
            answers: None,
            backoff,
        }
    }

    /// The next answer. Fails when a node refuses for good, or when no node answers within the
    /// client's deadline.
    pub async fn next(&mut self) -> Result<A, CallError> {
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
                    // A node that shuts down ends its watches without an error.
                    Ok(None) => self.failure(Status::unavailable("the watch ended")),
                    Err(status) => self.failure(status),
                },
            };
            self.answers = None;
            if !failure.is_retryable() {
                return Err(CallError::BrokeOff {
                    operation: self.operation,
                    failure,
                });
            }
            let delay = self.backoff.next_delay(failure.retry_after());
            tokio::time::sleep(delay).await;
        }
    }

    async fn open(&self) -> Result<Streaming<A>, CallError> {
        let kind = self.client.streaming(self.operation);
        self.client
            .call(kind, self.request.clone(), self.open)
            .await
    }

    fn failure(&self, status: Status) -> Failure {
        Failure::new(&self.client.endpoints().current().name, status)
    }
}
