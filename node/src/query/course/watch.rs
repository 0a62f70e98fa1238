//! Watches a course: an answer after each change.

use std::{sync::Arc, time::Duration};

use futures::{Stream, stream};
use homeroom_proto::v1;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::{page::RosterPage, read_points::ReadPoints};
use crate::{
    query::{leaders::Leaders, read_options},
    shard::ShardReplica,
};

/// Default time between two answers, ms.
const INTERVAL_DEFAULT_MS: u32 = 1_000;
/// Minimum time between two answers, ms: each answer visits every learner of the course.
const INTERVAL_LEAST_MS: u32 = 100;
/// Time between two reads while no entry is applied, ms. Time alone changes statuses and engagement
/// only when a pane ends.
const QUIET_MS: u64 = 5_000;

/// A watch of one course.
pub struct CourseWatch {
    shards: Vec<Arc<ShardReplica>>,
    leaders: Leaders,
    course_id: String,
    interval: Duration,
    page: RosterPage,
    sent: Option<v1::WatchCourseResponse>,
    looked: Option<(Instant, Vec<u64>)>,
}

impl CourseWatch {
    /// A watch that answers at most every `min_interval_ms`; 0 for the default.
    ///
    /// # Errors
    /// When the interval is too short.
    pub fn new(
        (shards, leaders): (Vec<Arc<ShardReplica>>, Leaders),
        request: v1::WatchCourseRequest,
    ) -> Result<Self, Status> {
        Ok(Self {
            shards,
            leaders,
            course_id: request.course_id,
            interval: read_options::watch_interval(
                request.min_interval_ms,
                INTERVAL_DEFAULT_MS,
                INTERVAL_LEAST_MS,
            )?,
            page: RosterPage::of(request.page_size, "", request.needing_help_only)?,
            sent: None,
            looked: None,
        })
    }

    /// The course now, and after each change.
    pub fn answers(self) -> impl Stream<Item = Result<v1::WatchCourseResponse, Status>> + Send {
        stream::try_unfold(self, |mut watch| async move {
            let answer = watch.next().await?;
            Ok(Some((answer, watch)))
        })
    }

    async fn next(&mut self) -> Result<v1::WatchCourseResponse, Status> {
        loop {
            self.due().await;
            self.looked = Some((Instant::now(), self.positions()));
            let answer = self.look().await?;
            let news = self.sent.as_ref().is_none_or(|sent| {
                (sent.found, &sent.course, &sent.roster)
                    != (answer.found, &answer.course, &answer.roster)
            });
            if news {
                self.sent = Some(answer.clone());
                return Ok(answer);
            }
        }
    }

    /// Returns when the course is to be read again: after the interval if an entry was applied, at
    /// the latest after [`QUIET_MS`].
    async fn due(&self) {
        let Some((looked_at, positions)) = &self.looked else {
            return;
        };
        let quiet = *looked_at + self.interval.max(Duration::from_millis(QUIET_MS));
        let mut next = *looked_at + self.interval;
        loop {
            sleep_until(next).await;
            if next >= quiet || self.positions() != *positions {
                return;
            }
            next = (next + self.interval).min(quiet);
        }
    }

    fn positions(&self) -> Vec<u64> {
        let views = self.shards.iter().map(|shard| shard.view());
        views.map(|view| view.applied_index).collect()
    }

    async fn look(&self) -> Result<v1::WatchCourseResponse, Status> {
        let shards = (self.shards.iter()).map(|shard| (Arc::clone(shard), read_options::RECENT));
        let points = ReadPoints::of(shards.collect(), &self.leaders).await?;
        let class = points.class(&self.course_id, &self.page).await?;
        let (found, course) = (class.found, class.summary(&self.course_id));
        Ok(v1::WatchCourseResponse {
            found,
            course: found.then_some(course),
            roster: class.into_roster().0,
            freshness: points.freshness,
        })
    }
}
