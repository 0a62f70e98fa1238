//! Scans the windows of all learners, shard by shard.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{Stream, stream};
use homeroom_core::learner::WindowQuery;
use homeroom_proto::v1;
use tonic::Status;

use crate::query::{
    answer_size::ANSWER_BYTES_MAX,
    freshness,
    leaders::Leaders,
    pool::{QueryPool, Sliced},
    window,
};
use crate::shard::{PageTask, ReadOptions, ShardReplica, WindowReader};

/// Learners that are listed at once.
const LEARNERS_LISTED: usize = 4_096;
/// Windows of one learner in one page of the scan.
const WINDOWS_MAX: usize = 1_000;

/// State of a scan.
struct Scan {
    pool: QueryPool,
    leaders: Leaders,
    shards: VecDeque<(Arc<ShardReplica>, ReadOptions)>,
    present: Option<Present>,
    query: WindowQuery,
}

/// The shard whose learners are being read. The requested consistency was met before its learners
/// were listed; later reads are only newer.
struct Present {
    shard: Arc<ShardReplica>,
    bound_met: bool,
    /// The last learner that was listed.
    listed_to: Option<Box<str>>,
    /// `None` while the pool has it.
    message: Option<MessageTask>,
}

/// One message of a scan that is being made, and the learners to read for it and for later ones.
struct MessageTask {
    reader: WindowReader,
    user_ids: VecDeque<Box<str>>,
    query: WindowQuery,
    /// The present learner's page.
    page: Option<PageTask>,
    /// Where the present learner's next page begins, ms.
    next_ms: Option<i64>,
    learners: Vec<v1::LearnerWindows>,
    bytes: usize,
    /// When work on the present message began.
    since: Option<Instant>,
}

/// After this time a message ends with the page that is being made, however little it found.
const MESSAGE_WITHIN: Duration = Duration::from_secs(1);

/// All windows that match a query.
pub fn windows(
    (pool, leaders): (QueryPool, Leaders),
    shards: Vec<(Arc<ShardReplica>, ReadOptions)>,
    query: WindowQuery,
) -> impl Stream<Item = Result<v1::ScanWindowsResponse, Status>> + Send {
    let scan = Scan {
        pool,
        leaders,
        shards: shards.into(),
        present: None,
        query,
    };
    stream::try_unfold(scan, |mut scan| async move {
        let answer = scan.next().await?;
        Ok(answer.map(|answer| (answer, scan)))
    })
}

impl Scan {
    async fn next(&mut self) -> Result<Option<v1::ScanWindowsResponse>, Status> {
        loop {
            let Some(present) = &mut self.present else {
                let Some((shard, options)) = self.shards.pop_front() else {
                    return Ok(None);
                };
                self.present = Some(Present::begin(shard, options, &self.query).await?);
                continue;
            };
            match present.next(&self.pool, &self.leaders).await? {
                None => self.present = None,
                // None of these learners has a window.
                Some(answer) if answer.learners.is_empty() => {}
                answer => return Ok(answer),
            }
        }
    }
}

impl Present {
    async fn begin(
        shard: Arc<ShardReplica>,
        options: ReadOptions,
        query: &WindowQuery,
    ) -> Result<Self, Status> {
        let (_, bound_met) = shard.reader().await_consistency(options).await?;
        let message = MessageTask {
            reader: shard.reader().windows(),
            user_ids: VecDeque::new(),
            query: query.clone(),
            page: None,
            next_ms: None,
            learners: Vec::new(),
            bytes: 0,
            since: None,
        };
        Ok(Self {
            shard,
            bound_met,
            listed_to: None,
            message: Some(message),
        })
    }

    /// The next message; `None` after the last learner.
    async fn next(
        &mut self,
        pool: &QueryPool,
        leaders: &Leaders,
    ) -> Result<Option<v1::ScanWindowsResponse>, Status> {
        let Some(mut task) = self.message.take() else {
            return Ok(None);
        };
        if task.user_ids.is_empty() {
            let after = self.listed_to.as_deref();
            let listed = self.shard.reader().user_ids_after(after, LEARNERS_LISTED);
            task.user_ids = listed.await?.into();
            let Some(last) = task.user_ids.back() else {
                return Ok(None);
            };
            self.listed_to = Some(last.clone());
        }
        let (task, learners) = pool.run_next(task).await?;
        self.message = Some(task);
        let leader = leaders.of(&self.shard);
        let staleness = self.shard.reader().staleness();
        let view = self.shard.view();
        Ok(Some(v1::ScanWindowsResponse {
            learners,
            freshness: Some(freshness::of_view(&view, leader, staleness, self.bound_met)),
        }))
    }
}

impl MessageTask {
    /// The present learner's next page.
    fn begin_page(&self, user_id: &str) -> PageTask {
        let mut query = self.query.clone();
        query.from_ms = self.next_ms.or(query.from_ms);
        let limits = window::page_limits(WINDOWS_MAX);
        PageTask::new(self.reader.clone(), user_id, query, limits)
    }
}

impl Sliced for MessageTask {
    type Answer = Vec<v1::LearnerWindows>;

    fn work(&mut self, until: Instant) -> Result<Option<Self::Answer>, Status> {
        let since = *self.since.get_or_insert_with(Instant::now);
        while let Some(user_id) = self.user_ids.front().cloned() {
            let begun = self.page.take();
            let mut page = begun.unwrap_or_else(|| self.begin_page(&user_id));
            let Some(done) = page.advance(until)? else {
                self.page = Some(page);
                return Ok(None);
            };
            self.next_ms = done.next_ms;
            if done.next_ms.is_none() {
                self.user_ids.pop_front();
            }
            self.bytes += done.bytes + user_id.len();
            if !done.windows.is_empty() {
                self.learners.push(v1::LearnerWindows {
                    user_id: user_id.into(),
                    windows: done.windows.iter().map(window::to_proto).collect(),
                });
            }
            if self.bytes >= ANSWER_BYTES_MAX / 2 || since.elapsed() >= MESSAGE_WITHIN {
                break;
            }
            if Instant::now() >= until {
                return Ok(None);
            }
        }
        self.bytes = 0;
        self.since = None;
        Ok(Some(std::mem::take(&mut self.learners)))
    }
}
