//! The windows of a course: sums over the windows of its learners.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use futures::future::try_join_all;
use homeroom_core::learner::{Standing, TYPES_LISTED_MAX, Window, WindowQuery, WindowState};
use homeroom_proto::v1;
use tonic::Status;

use super::{class::millionths, read_points::ReadPoints};
use crate::{
    query::{
        answer_size::{ANSWER_BYTES_MAX, size_within},
        pool::{QueryPool, Sliced},
        window::{self, WindowRequest},
    },
    shard::{PageLimits, PageTask, RosterVisitor, WindowReader},
    status,
};

/// Maximum memory of the sums of one page, bytes.
const SUMS_BYTES_MAX: usize = 32 << 20;
/// Memory of a window's sums besides its types, bytes.
const WINDOW_BYTES: usize = 300;
/// Memory of a type besides its name, bytes.
const TYPE_BYTES: usize = 64;
/// Size of the windows that are read of one learner at once, bytes.
const LEARNER_BYTES_MAX: usize = 8 << 20;

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
    /// Memory, bytes; an estimate.
    bytes: usize,
}

/// A page that is being summed up, learner by learner.
struct SumsTask {
    /// What is still to be read, shard by shard.
    shards: Vec<(WindowReader, VecDeque<Box<str>>)>,
    /// Ends with the last window that the page may need.
    query: WindowQuery,
    windows_max: usize,
    /// The present learner's page.
    page: Option<PageTask>,
    /// Where the present learner's next page begins, ms.
    next_ms: Option<i64>,
    /// The first windows, and one more, which tells whether there is another page.
    sums: BTreeMap<i64, Sums>,
    bytes: usize,
}

/// A page of a course's windows.
///
/// # Errors
/// When the request is invalid, a shard can't be read, or the page would take too much work.
pub async fn list(
    pool: &QueryPool,
    points: ReadPoints,
    request: &v1::ListCourseWindowsRequest,
) -> Result<v1::ListCourseWindowsResponse, Status> {
    let windows_max = window::page_size(request.page_size);
    let query = query(request)?;
    let from_ms = query.from_ms.unwrap_or(i64::MIN);
    let candidates = points.iter().map(|(shard, at)| async move {
        let candidates = Candidates {
            since_ms: from_ms.max(at.floor_ms),
            found: false,
            user_ids: Vec::new(),
        };
        let reader = shard.reader();
        let visited = reader.visit_roster(&request.course_id, candidates).await?;
        Ok::<_, Status>((visited.found, (reader.windows(), visited.user_ids.into())))
    });
    let (found, shards): (Vec<bool>, Vec<_>) = try_join_all(candidates).await?.into_iter().unzip();
    let task = SumsTask {
        shards,
        query,
        windows_max,
        page: None,
        next_ms: None,
        sums: BTreeMap::new(),
        bytes: 0,
    };
    let sums = pool.run_wide(task).await?;
    let (windows, next_ms) = in_page(sums, windows_max);
    Ok(v1::ListCourseWindowsResponse {
        found: found.contains(&true),
        windows,
        freshness: points.freshness,
        next_page_token: next_ms
            .map(|next_ms| next_ms.to_string())
            .unwrap_or_default(),
    })
}

/// The windows of a page, and the start of the first window after it, ms.
fn in_page(sums: BTreeMap<i64, Sums>, windows_max: usize) -> (Vec<v1::CourseWindow>, Option<i64>) {
    let (mut windows, mut bytes) = (Vec::new(), 0);
    for (start_ms, sums) in sums {
        let window = sums.into_proto(start_ms);
        bytes += size_within(&window);
        if windows.len() == windows_max || (bytes > ANSWER_BYTES_MAX && !windows.is_empty()) {
            return (windows, Some(start_ms));
        }
        windows.push(window);
    }
    (windows, None)
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

impl SumsTask {
    /// The page of the next learner; `None` after the last one.
    fn next_page(&mut self) -> Option<PageTask> {
        while let Some((reader, user_ids)) = self.shards.last() {
            let Some(user_id) = user_ids.front() else {
                self.shards.pop();
                continue;
            };
            let mut query = self.query.clone();
            query.from_ms = self.next_ms.or(query.from_ms);
            let limits = PageLimits {
                windows_max: self.windows_max + 1,
                bytes_max: LEARNER_BYTES_MAX,
                types_max: usize::MAX,
            };
            return Some(PageTask::new(reader.clone(), user_id, query, limits));
        }
        None
    }

    /// Adds a learner's windows. Only as many stay as the page needs, and no later ones are read of
    /// further learners.
    fn add(&mut self, windows: &[Window]) -> Result<(), Status> {
        for window in windows {
            self.bytes += self.sums.entry(window.start_ms).or_default().add(window);
        }
        while self.sums.len() > self.windows_max + 1 {
            if let Some((_, sums)) = self.sums.pop_last() {
                self.bytes -= sums.bytes;
            }
        }
        if self.sums.len() > self.windows_max
            && let Some((last_ms, _)) = self.sums.last_key_value()
        {
            self.query.to_ms = Some(last_ms.saturating_add(1));
        }
        if self.bytes > SUMS_BYTES_MAX {
            return Err(status::too_much(
                "too many event types for one page: ask for fewer or smaller windows",
            ));
        }
        Ok(())
    }
}

impl Sliced for SumsTask {
    type Answer = BTreeMap<i64, Sums>;

    fn work(&mut self, until: Instant) -> Result<Option<Self::Answer>, Status> {
        loop {
            let begun = self.page.take();
            let Some(mut page) = begun.or_else(|| self.next_page()) else {
                return Ok(Some(std::mem::take(&mut self.sums)));
            };
            let Some(done) = page.advance(until)? else {
                self.page = Some(page);
                return Ok(None);
            };
            self.add(&done.windows)?;
            let to_ms = self.query.to_ms.unwrap_or(i64::MAX);
            self.next_ms = done.next_ms.filter(|next_ms| *next_ms < to_ms);
            if self.next_ms.is_none()
                && let Some((_, user_ids)) = self.shards.last_mut()
            {
                user_ids.pop_front();
            }
            if Instant::now() >= until {
                return Ok(None);
            }
        }
    }
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
    /// Adds a learner's window. Returns by how much the memory grew, bytes.
    fn add(&mut self, window: &Window) -> usize {
        let content = &window.content;
        let before = self.bytes;
        self.bytes = self.bytes.max(WINDOW_BYTES);
        self.end_ms = window.end_ms;
        self.states[window.state as usize] = true;
        self.learners += 1;
        self.clicks += content.clicks;
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
                    self.bytes += TYPE_BYTES + name.len();
                    self.events_by_type.insert(name.to_owned(), *events);
                }
            }
        }
        self.bytes - before
    }

    /// The most frequent types, ties by name, and the number and events of the others.
    fn listed_types(events_by_type: BTreeMap<String, u64>) -> (BTreeMap<String, u64>, u64, u64) {
        let mut types: Vec<(String, u64)> = events_by_type.into_iter().collect();
        // A stable sort keeps the order by name.
        types.sort_by_key(|(_, events)| Reverse(*events));
        let others = types.split_off(types.len().min(TYPES_LISTED_MAX));
        let other_events = others.iter().map(|(_, events)| events).sum();
        (
            types.into_iter().collect(),
            others.len() as u64,
            other_events,
        )
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
        let (quizzes, state) = (self.quiz_count as f64, self.state());
        let events = self.events_by_type.values().sum();
        let (events_by_type, others, other_events) = Self::listed_types(self.events_by_type);
        v1::CourseWindow {
            start_ms,
            end_ms: self.end_ms,
            state: state.into(),
            learners: self.learners,
            clicks: self.clicks,
            quiz_count: self.quiz_count,
            average_score: (self.quiz_count > 0)
                .then(|| self.score_millionths as f64 / quizzes / 1_000_000.0),
            video_ms: self.video_ms,
            active_ms: self.active_ms,
            engagement: self.engagement as f64 / self.learners.max(1) as f64 / 1_000_000.0,
            events,
            events_by_type,
            other_event_types: window::other_types(others, other_events),
        }
    }
}
