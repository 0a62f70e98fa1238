//! A window as the command line prints it.

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::window::WindowRow;

/// The fields of one line, less what depends on the order of arrival.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowLine {
    user_id: String,
    window_start: String,
    window_end: String,
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
            window_start: rfc3339(row.window_start_ms),
            window_end: rfc3339(row.window_end_ms),
            clicks: row.clicks,
            quiz_count: row.quiz_count,
            average_score: row.average_score,
            video_ms: row.video_ms,
            active_ms: row.active_ms,
            engagement: row.engagement,
        }
    }
}

/// Windows begin on whole seconds, so nothing is lost; times no calendar holds are printed as a number.
fn rfc3339(time_ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(time_ms.div_euclid(1_000)).ok();
    moment
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| time_ms.to_string())
}
