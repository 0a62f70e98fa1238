//! The pages of one learner's windows.

use homeroom_proto::v1;

use crate::{CallError, Client};

/// An iterator over the pages of one learner's windows.
#[derive(Debug)]
pub struct WindowPages {
    client: Client,
    /// None after the last page.
    request: Option<v1::ListWindowsRequest>,
}

impl WindowPages {
    pub(crate) fn new(client: Client, request: v1::ListWindowsRequest) -> Self {
        Self {
            client,
            request: Some(request),
        }
    }

    /// The next page; none after the last.
    pub async fn next(&mut self) -> Result<Option<v1::ListWindowsResponse>, CallError> {
        let Some(request) = &mut self.request else {
            return Ok(None);
        };
        let page = self.client.list_windows(request.clone()).await?;
        request.page_token.clone_from(&page.next_page_token);
        if page.next_page_token.is_empty() {
            self.request = None;
        }
        Ok(Some(page))
    }
}
