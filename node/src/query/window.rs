//! Parses queries for windows, and converts windows into messages of the contract.

use homeroom_core::{
    WindowShape,
    learner::{Window, WindowQuery, WindowState},
    time::PANE_MS,
};
use homeroom_proto::v1;
use tonic::Status;

use super::read_options;
use crate::{
    shard::{ReadError, ShardReplica},
    status,
};

/// Maximum size of a window, ms: 400 days.
const SIZE_MS_MAX: i64 = 400 * 86_400_000;
/// Windows in a page if the request gives no size.
const PAGE_DEFAULT: usize = 1_000;
/// Maximum windows in a page.
const PAGE_MAX: usize = 10_000;
/// Maximum number of windows of one query that contain the same pane.
const OVERLAP_MAX: i64 = 720;

/// A learner's windows of a query, without waiting for the shard to become more current.
///
/// # Errors
/// When the shard can't be read.
pub async fn of_learner(
    shard: &ShardReplica,
    user_id: &str,
    query: &WindowQuery,
) -> Result<Vec<Window>, ReadError> {
    let (any, windows, query) = (read_options::ANY, Some(query.clone()), query.clone());
    let read = shard
        .reader()
        .read_learner(user_id, any, windows, move |learner, view| {
            learner.map(|learner| learner.windows(&query, &view.at))
        });
    Ok(read.await?.value.unwrap_or_default())
}

/// A window as a message.
pub fn to_proto(window: &Window) -> v1::Window {
    let content = &window.content;
    let state = match window.state {
        WindowState::Open => v1::WindowState::Open,
        WindowState::Closed => v1::WindowState::Closed,
        WindowState::Settled => v1::WindowState::Settled,
        WindowState::Amended => v1::WindowState::Amended,
    };
    v1::Window {
        start_ms: window.start_ms,
        end_ms: window.end_ms,
        state: state.into(),
        revision: window.revision,
        clicks: content.clicks(),
        quiz_count: content.quiz_count,
        average_score: content.average_score(),
        video_ms: content.video_ms,
        active_ms: content.active_ms(),
        engagement: content.engagement(window.end_ms - window.start_ms),
        events: content.events(),
        events_by_type: content
            .events_by_type
            .iter()
            .map(|(event_type, events)| (event_type.name().to_owned(), *events))
            .collect(),
    }
}

/// What the requests for windows have in common.
pub struct WindowRequest<'r> {
    /// 0 stands for one minute.
    pub size_ms: i64,
    /// 0 stands for the size.
    pub step_ms: i64,
    /// Inclusive.
    pub from_ms: Option<i64>,
    /// Exclusive.
    pub to_ms: Option<i64>,
    /// Log time, ms.
    pub changed_since_ms: Option<i64>,
    /// Empty for all courses.
    pub course_id: &'r str,
}

/// The query of a request.
///
/// # Errors
/// When size and step are invalid or do not fit together.
pub fn to_query(requested: &WindowRequest<'_>) -> Result<WindowQuery, Status> {
    let size_ms = if requested.size_ms == 0 {
        WindowShape::MINUTE.size_ms
    } else {
        requested.size_ms
    };
    let step_ms = if requested.step_ms == 0 {
        size_ms
    } else {
        requested.step_ms
    };
    if !(PANE_MS..=SIZE_MS_MAX).contains(&size_ms) || size_ms % PANE_MS != 0 {
        return Err(status::invalid(
            "size_ms",
            "must be a multiple of 5,000, of at most 400 days",
        ));
    }
    if step_ms < PANE_MS || step_ms % PANE_MS != 0 || size_ms % step_ms != 0 {
        return Err(status::invalid(
            "step_ms",
            "must be a multiple of 5,000 that divides size_ms",
        ));
    }
    if size_ms / step_ms > OVERLAP_MAX {
        return Err(status::invalid("step_ms", "must be at least size_ms / 720"));
    }
    Ok(WindowQuery {
        shape: WindowShape { size_ms, step_ms },
        from_ms: requested.from_ms,
        to_ms: requested.to_ms,
        changed_since_ms: requested.changed_since_ms,
        course_id: Some(requested.course_id.to_owned()).filter(|course_id| !course_id.is_empty()),
    })
}

/// The requested page size, within its bounds.
pub fn page_size(requested: u32) -> usize {
    match requested as usize {
        0 => PAGE_DEFAULT,
        requested => requested.min(PAGE_MAX),
    }
}

/// The start of the page that a token names; `None` for the first page.
///
/// # Errors
/// When the token can't be parsed.
pub fn continued_ms(page_token: &str) -> Result<Option<i64>, Status> {
    if page_token.is_empty() {
        return Ok(None);
    }
    let start_ms = page_token.parse();
    start_ms
        .map(Some)
        .map_err(|_| status::invalid("page_token", "not one of this method's"))
}
