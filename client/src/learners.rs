//! Calls to the learner service.

use homeroom_proto::v1;
use tonic::{Streaming, transport::Channel};
use v1::learner_service_client::LearnerServiceClient;

use crate::client::ANSWER_BYTES_MAX;
use crate::{CallError, Client, Failure, LearnerWatch, Watch, WindowPages};

fn service(channel: Channel) -> LearnerServiceClient<Channel> {
    LearnerServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// The profile of one learner. An unknown learner has `found = false`.
    pub async fn get_learner(
        &self,
        mut request: v1::GetLearnerRequest,
    ) -> Result<v1::GetLearnerResponse, CallError> {
        request.read = self.with_position(request.read);
        self.unary("GetLearner", request, |channel, request| async move {
            service(channel).get_learner(request).await
        })
        .await
    }

    /// The profiles of up to 1,000 learners, with a status each.
    pub async fn batch_get_learners(
        &self,
        mut request: v1::BatchGetLearnersRequest,
    ) -> Result<v1::BatchGetLearnersResponse, CallError> {
        request.read = self.with_position(request.read);
        self.unary("BatchGetLearners", request, |channel, request| async move {
            service(channel).batch_get_learners(request).await
        })
        .await
    }

    /// One page of a learner's windows.
    pub async fn list_windows(
        &self,
        mut request: v1::ListWindowsRequest,
    ) -> Result<v1::ListWindowsResponse, CallError> {
        request.read = self.with_position(request.read);
        self.unary("ListWindows", request, |channel, request| async move {
            service(channel).list_windows(request).await
        })
        .await
    }

    /// An iterator over all pages of a learner's windows.
    pub fn window_pages(&self, request: v1::ListWindowsRequest) -> WindowPages {
        WindowPages::new(self.clone(), request)
    }

    /// Streams the windows of all learners.
    pub async fn scan_windows(
        &self,
        mut request: v1::ScanWindowsRequest,
    ) -> Result<WindowScan, CallError> {
        request.read = self.with_position(request.read);
        let endpoint = self.endpoints().current().name.clone();
        let answers = self
            .call(
                self.streaming("ScanWindows"),
                request,
                |channel, request| async move { service(channel).scan_windows(request).await },
            )
            .await?;
        Ok(WindowScan { answers, endpoint })
    }

    /// The profile now and after each change, through reconnects.
    pub fn watch_learner(&self, request: v1::WatchLearnerRequest) -> LearnerWatch {
        Watch::new(self.clone(), "WatchLearner", request, |channel, request| {
            Box::pin(async move { service(channel).watch_learner(request).await })
        })
    }
}

/// A running scan. A scan that broke off can't be resumed, only started again.
#[derive(Debug)]
pub struct WindowScan {
    answers: Streaming<v1::ScanWindowsResponse>,
    endpoint: std::sync::Arc<str>,
}

impl WindowScan {
    /// The next learners; none at the end.
    pub async fn next(&mut self) -> Result<Option<v1::ScanWindowsResponse>, CallError> {
        self.answers
            .message()
            .await
            .map_err(|status| CallError::BrokeOff {
                operation: "ScanWindows",
                failure: Failure::new(&self.endpoint, status),
            })
    }
}
