//! Calls to the dead letter service.

use std::time::Duration;

use homeroom_proto::v1;
use tonic::transport::Channel;
use v1::dead_letter_service_client::DeadLetterServiceClient;

use crate::client::ANSWER_BYTES_MAX;
use crate::{CallError, Client};

/// Enough for all of a node's dead letters on a slow disk.
const WORK_DEADLINE: Duration = Duration::from_secs(600);

fn service(channel: Channel) -> DeadLetterServiceClient<Channel> {
    DeadLetterServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// How many dead letters are kept, by source and reason, and each source's counters.
    pub async fn summarize_dead_letters(
        &self,
        filter: v1::DeadLetterFilter,
    ) -> Result<v1::SummarizeResponse, CallError> {
        let request = v1::SummarizeRequest {
            filter: Some(filter),
        };
        self.unary("Summarize", request, |channel, request| async move {
            service(channel).summarize(request).await
        })
        .await
    }

    /// One page of dead letters, newest first.
    pub async fn list_dead_letters(
        &self,
        request: v1::ListRequest,
    ) -> Result<v1::ListResponse, CallError> {
        self.unary("List", request, |channel, request| async move {
            service(channel).list(request).await
        })
        .await
    }

    /// Passes dead letters through ingress again. A dry run only reports the outcomes.
    pub async fn redrive_dead_letters(
        &self,
        request: v1::RedriveRequest,
    ) -> Result<v1::RedriveResponse, CallError> {
        let kind = self.long("Redrive", WORK_DEADLINE);
        self.call(kind, request, |channel, request| async move {
            service(channel).redrive(request).await
        })
        .await
    }

    /// Deletes dead letters. A dry run only counts them.
    pub async fn discard_dead_letters(
        &self,
        request: v1::DiscardRequest,
    ) -> Result<v1::DiscardResponse, CallError> {
        let kind = self.long("Discard", WORK_DEADLINE);
        self.call(kind, request, |channel, request| async move {
            service(channel).discard(request).await
        })
        .await
    }

    /// All pages of dead letters, newest first.
    pub fn dead_letter_pages(&self, request: v1::ListRequest) -> DeadLetterPages {
        DeadLetterPages {
            client: self.clone(),
            request: Some(request),
        }
    }
}

/// An iterator over the pages of a list of dead letters.
#[derive(Debug)]
pub struct DeadLetterPages {
    client: Client,
    /// None after the last page.
    request: Option<v1::ListRequest>,
}

impl DeadLetterPages {
    /// The next page; none after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<v1::DeadLetter>>, CallError> {
        let Some(request) = &mut self.request else {
            return Ok(None);
        };
        let page = self.client.list_dead_letters(request.clone()).await?;
        if page.next_page_token.is_empty() {
            self.request = None;
        } else {
            request.page_token = page.next_page_token;
        }
        Ok(Some(page.dead_letters))
    }
}
