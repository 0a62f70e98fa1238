//! Parses queries for windows, and converts windows into messages of the contract.

use homeroom_core::{
    WindowShape,
    learner::{TYPES_LISTED_MAX, Window, WindowQuery, WindowState},
    time::PANE_MS,
};
use homeroom_proto::v1;
use tonic::Status;

use super::answer_size::ANSWER_BYTES_MAX;
use crate::{shard::PageLimits, status};

/// Maximum size of a window, ms: 400 days.
const SIZE_MS_MAX: i64 = 400 * 86_400_000;
/// Windows in a page if the request gives no size.
const PAGE_DEFAULT: usize = 1_000;
/// Maximum windows in a page.
const PAGE_MAX: usize = 10_000;
/// Maximum number of windows of one query that contain the same pane.
const OVERLAP_MAX: i64 = 720;

/// Bounds of a page of a learner's windows in an answer.
pub fn page_limits(windows_max: usize) -> PageLimits {
    PageLimits {
        windows_max,
        bytes_max: ANSWER_BYTES_MAX,
        types_max: TYPES_LISTED_MAX,
    }
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
        clicks: content.clicks,
        quiz_count: content.quiz_count,
        average_score: content.average_score(),
        video_ms: content.video_ms,
        active_ms: content.active_ms(),
        engagement: content.engagement(window.end_ms - window.start_ms),
        events: content.events(),
        other_event_types: other_types(content.other_types, content.other_events),
        events_by_type: content
            .events_by_type
            .iter()
            .map(|(event_type, events)| (event_type.name().to_owned(), *events))
            .collect(),
    }
}

/// The types that are not listed one by one; `None` when all are.
pub fn other_types(types: u64, events: u64) -> Option<v1::OtherEventTypes> {
    (types > 0).then_some(v1::OtherEventTypes { types, events })
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
