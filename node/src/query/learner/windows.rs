//! A page of one learner's windows.

use std::time::Instant;

use homeroom_core::learner::WindowQuery;
use homeroom_proto::v1;
use tonic::Status;

use crate::{
    query::{
        freshness,
        leaders::Leaders,
        pool::{QueryPool, Sliced},
        window,
    },
    shard::{PageTask, ReadOptions, ShardReplica, WindowPage},
};

impl Sliced for PageTask {
    type Answer = WindowPage;

    fn work(&mut self, until: Instant) -> Result<Option<WindowPage>, Status> {
        Ok(self.advance(until)?)
    }
}

/// A page of a learner's windows.
///
/// # Errors
/// When the shard can't be read, or the page would take too much work.
pub(super) async fn list(
    (pool, leaders): (&QueryPool, &Leaders),
    (shard, options): (&ShardReplica, ReadOptions),
    user_id: &str,
    query: WindowQuery,
    windows_max: usize,
) -> Result<v1::ListWindowsResponse, Status> {
    let (confirmed, bound_met) = shard.reader().await_consistency(options).await?;
    let limits = window::page_limits(windows_max);
    let page = PageTask::new(shard.reader().windows(), user_id, query, limits);
    let page = pool.run(page).await?;
    let leader = leaders.of(shard);
    let freshness = freshness::of_view(&page.view, leader, confirmed.elapsed(), bound_met);
    Ok(v1::ListWindowsResponse {
        found: page.found,
        windows: page.windows.iter().map(window::to_proto).collect(),
        freshness: Some(freshness),
        next_page_token: page
            .next_ms
            .map(|next_ms| next_ms.to_string())
            .unwrap_or_default(),
    })
}
