//! A window as the command line prints it.

use serde::Serialize;

use super::window::WindowRow;

/// The fields of one line, without those that depend on the order of arrival; times are integers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowLine {
    user_id: String,
    window_start: i64,
    window_end: i64,
    clicks: u64,
    quiz_count: u64,
    average_score: Option<f64>,
    video_ms: i64,
    active_ms: i64,
    engagement: f64,
}

impl From<&WindowRow> for WindowLine {
    fn from(row: &WindowRow) -> Self {
        WindowLine {
            user_id: row.user_id.clone(),
            window_start: row.window_start_ms,
            window_end: row.window_end_ms,
            clicks: row.clicks,
            quiz_count: row.quiz_count,
            average_score: row.average_score,
            video_ms: row.video_ms,
            active_ms: row.active_ms,
            engagement: row.engagement,
        }
    }
}
