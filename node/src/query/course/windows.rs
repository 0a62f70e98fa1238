//! The windows of a course: sums over the windows of its learners.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use homeroom_core::learner::{Standing, Window, WindowQuery, WindowState};
use homeroom_proto::v1;
use tonic::Status;

use super::{class::millionths, read_points::ReadPoints};
use crate::{
    query::window::{self, WindowRequest},
    shard::{RosterVisitor, ShardReplica},
};

/// Learners that are read at once on each shard.
const LEARNERS_AT_ONCE: usize = 64;

/// Learners who may have windows in the range.
struct Candidates {
    since_ms: i64,
    /// Whether the course has any learner.
    found: bool,
    user_ids: Vec<Box<str>>,
}

/// The sums of one window.
#[derive(Default)]
struct Sums {
    end_ms: i64,
    /// By state: whether any learner's window is in it.
    states: [bool; 4],
    learners: u64,
    clicks: u64,
    quiz_count: u64,
    score_millionths: u64,
    video_ms: u64,
    active_ms: u64,
    /// In millionths, as in `Class`.
    engagement: u64,
    events_by_type: BTreeMap<String, u64>,
}

type Windows = BTreeMap<i64, Sums>;

/// A page of a course's windows.
///
/// # Errors
/// When the request is invalid, or a shard can't be read.
pub async fn list(
    points: ReadPoints,
    request: &v1::ListCourseWindowsRequest,
) -> Result<v1::ListCourseWindowsResponse, Status> {
    let page = window::page_size(request.page_size);
    let query = query(request)?;
    let shards = points.iter().map(|(shard, at)| {
        let since_ms = query.from_ms.unwrap_or(i64::MIN).max(at.floor_ms);
        of_shard(shard, &request.course_id, &query, (since_ms, page))
    });
    let (mut found, mut sums) = (false, Windows::new());
    for (known, windows) in try_join_all(shards).await? {
        found |= known;
        for (start_ms, window) in windows {
            sums.entry(start_ms).or_default().merge(window);
        }
    }
    let mut sums = sums.into_iter();
    let windows = sums.by_ref().take(page);
    Ok(v1::ListCourseWindowsResponse {
        found,
        windows: windows
            .map(|(start_ms, sums)| sums.into_proto(start_ms))
            .collect(),
        freshness: points.freshness,
        next_page_token: sums
            .next()
            .map(|(start_ms, _)| start_ms.to_string())
            .unwrap_or_default(),
    })
}

fn query(request: &v1::ListCourseWindowsRequest) -> Result<WindowQuery, Status> {
    let continued_ms = window::continued_ms(&request.page_token)?;
    window::to_query(&WindowRequest {
        size_ms: request.size_ms,
        step_ms: request.step_ms,
        from_ms: continued_ms.or(request.from_ms),
        to_ms: request.to_ms,
        changed_since_ms: None,
        course_id: &request.course_id,
    })
}

/// The sums of a shard's learners with an event after `since_ms`: for the first windows that fit
/// into a page, and one more.
async fn of_shard(
    shard: &Arc<ShardReplica>,
    course_id: &str,
    query: &WindowQuery,
    (since_ms, page): (i64, usize),
) -> Result<(bool, Windows), Status> {
    let candidates = Candidates {
        since_ms,
        found: false,
        user_ids: Vec::new(),
    };
    let candidates = shard.reader().visit_roster(course_id, candidates).await?;
    let windows = stream::iter(candidates.user_ids)
        .map(|user_id| async move { window::of_learner(shard, &user_id, query).await })
        .buffer_unordered(LEARNERS_AT_ONCE)
        .try_fold(Windows::new(), |mut sums, windows| async move {
            for window in windows {
                sums.entry(window.start_ms).or_default().add(&window);
            }
            while sums.len() > page + 1 {
                sums.pop_last();
            }
            Ok(sums)
        })
        .await?;
    Ok((candidates.found, windows))
}

impl RosterVisitor for Candidates {
    fn visit(&mut self, user_id: &str, standing: &Standing) {
        self.found = true;
        if standing.last_event_ms >= self.since_ms {
            self.user_ids.push(user_id.into());
        }
    }
}

impl Sums {
    fn add(&mut self, window: &Window) {
        let content = &window.content;
        self.end_ms = window.end_ms;
        self.states[window.state as usize] = true;
        self.learners += 1;
        self.clicks += content.clicks();
        self.quiz_count += content.quiz_count;
        self.score_millionths += content.score_millionths;
        self.video_ms = self.video_ms.saturating_add(content.video_ms);
        self.active_ms += content.active_ms();
        self.engagement += millionths(content.engagement(window.end_ms - window.start_ms));
        for (event_type, events) in &content.events_by_type {
            let name = event_type.name();
            match self.events_by_type.get_mut(name) {
                Some(sum) => *sum += events,
                None => {
                    self.events_by_type.insert(name.to_owned(), *events);
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.end_ms = other.end_ms;
        for (state, is_any) in other.states.into_iter().enumerate() {
            self.states[state] |= is_any;
        }
        self.learners += other.learners;
        self.clicks += other.clicks;
        self.quiz_count += other.quiz_count;
        self.score_millionths += other.score_millionths;
        self.video_ms = self.video_ms.saturating_add(other.video_ms);
        self.active_ms += other.active_ms;
        self.engagement += other.engagement;
        for (event_type, events) in other.events_by_type {
            *self.events_by_type.entry(event_type).or_default() += events;
        }
    }

    fn state(&self) -> v1::WindowState {
        let any = |state: WindowState| self.states[state as usize];
        if any(WindowState::Open) {
            v1::WindowState::Open
        } else if any(WindowState::Closed) {
            v1::WindowState::Closed
        } else if any(WindowState::Amended) {
            v1::WindowState::Amended
        } else {
            v1::WindowState::Settled
        }
    }

    fn into_proto(self, start_ms: i64) -> v1::CourseWindow {
        let quizzes = self.quiz_count as f64;
        v1::CourseWindow {
            start_ms,
            end_ms: self.end_ms,
            state: self.state().into(),
            learners: self.learners,
            clicks: self.clicks,
            quiz_count: self.quiz_count,
            average_score: (self.quiz_count > 0)
                .then(|| self.score_millionths as f64 / quizzes / 1_000_000.0),
            video_ms: self.video_ms,
            active_ms: self.active_ms,
            engagement: self.engagement as f64 / self.learners.max(1) as f64 / 1_000_000.0,
            events: self.events_by_type.values().sum(),
            events_by_type: self.events_by_type,
        }
    }
}
