//! Scans the windows of all learners, shard by shard.

use std::{collections::VecDeque, sync::Arc};

use futures::{Stream, StreamExt, stream};
use homeroom_core::learner::WindowQuery;
use homeroom_proto::v1;
use tonic::Status;

use crate::query::{freshness, window};
use crate::shard::{ReadOptions, ShardReplica};

/// Learners that are read at once.
const LEARNERS_AT_ONCE: usize = 64;
/// Maximum windows in one message: at 200 bytes each they fit into the 4 MiB that clients accept by
/// default.
const WINDOWS_MAX: usize = 8_000;

/// State of a scan.
struct Scan {
    shards: VecDeque<(Arc<ShardReplica>, ReadOptions)>,
    present: Option<Present>,
    query: WindowQuery,
    /// Messages that were read and not returned yet.
    pending: VecDeque<v1::ScanWindowsResponse>,
}

/// The shard whose learners are being read. The requested consistency was met before its learners
/// were listed; later reads are only newer.
struct Present {
    shard: Arc<ShardReplica>,
    user_ids: VecDeque<Box<str>>,
    bound_met: bool,
}

/// All windows that match a query.
pub fn windows(
    shards: Vec<(Arc<ShardReplica>, ReadOptions)>,
    query: WindowQuery,
) -> impl Stream<Item = Result<v1::ScanWindowsResponse, Status>> + Send {
    let scan = Scan {
        shards: shards.into(),
        present: None,
        query,
        pending: VecDeque::new(),
    };
    stream::try_unfold(scan, |mut scan| async move {
        let answer = scan.next().await?;
        Ok(answer.map(|answer| (answer, scan)))
    })
}

impl Scan {
    async fn next(&mut self) -> Result<Option<v1::ScanWindowsResponse>, Status> {
        loop {
            if let Some(answer) = self.pending.pop_front() {
                return Ok(Some(answer));
            }
            let Some(present) = &mut self.present else {
                let Some((shard, options)) = self.shards.pop_front() else {
                    return Ok(None);
                };
                self.present = Some(Present::begin(shard, options).await?);
                continue;
            };
            if present.user_ids.is_empty() {
                self.present = None;
                continue;
            }
            let (learners, freshness) = present.read(&self.query).await?;
            self.pending.extend(in_messages(learners, &freshness));
        }
    }
}

/// Splits windows into messages. A learner with many windows may continue in the next message.
fn in_messages(
    learners: Vec<v1::LearnerWindows>,
    freshness: &v1::Freshness,
) -> Vec<v1::ScanWindowsResponse> {
    let mut messages: Vec<v1::ScanWindowsResponse> = Vec::new();
    let mut room = 0;
    for learner in learners {
        let mut windows = learner.windows;
        while !windows.is_empty() {
            if room == 0 {
                messages.push(v1::ScanWindowsResponse {
                    learners: Vec::new(),
                    freshness: Some(freshness.clone()),
                });
                room = WINDOWS_MAX;
            }
            let rest = windows.split_off(windows.len().min(room));
            room -= windows.len();
            if let Some(message) = messages.last_mut() {
                message.learners.push(v1::LearnerWindows {
                    user_id: learner.user_id.clone(),
                    windows,
                });
            }
            windows = rest;
        }
    }
    messages
}

impl Present {
    async fn begin(shard: Arc<ShardReplica>, options: ReadOptions) -> Result<Self, Status> {
        let (_, bound_met) = shard.reader().await_consistency(options).await?;
        let user_ids = shard.reader().user_ids().await?;
        Ok(Self {
            shard,
            user_ids: user_ids.into(),
            bound_met,
        })
    }

    async fn read(
        &mut self,
        query: &WindowQuery,
    ) -> Result<(Vec<v1::LearnerWindows>, v1::Freshness), Status> {
        let count = LEARNERS_AT_ONCE.min(self.user_ids.len());
        let some: Vec<Box<str>> = self.user_ids.drain(..count).collect();
        let shard = &self.shard;
        let read: Vec<_> = stream::iter(some)
            .map(|user_id| async move { read_one(shard, user_id, query).await })
            .buffered(LEARNERS_AT_ONCE)
            .collect()
            .await;
        let mut learners = Vec::with_capacity(read.len());
        for learner in read {
            learners.extend(learner?);
        }
        let place = (shard.shard(), shard.group().term().await);
        let staleness = shard.reader().staleness();
        let freshness = freshness::of_view(&shard.view(), place, staleness, self.bound_met);
        Ok((learners, freshness))
    }
}

/// `None` for a learner without a matching window.
async fn read_one(
    shard: &ShardReplica,
    user_id: Box<str>,
    query: &WindowQuery,
) -> Result<Option<v1::LearnerWindows>, Status> {
    let windows = window::of_learner(shard, &user_id, query).await?;
    Ok((!windows.is_empty()).then(|| v1::LearnerWindows {
        user_id: user_id.into(),
        windows: windows.iter().map(window::to_proto).collect(),
    }))
}
