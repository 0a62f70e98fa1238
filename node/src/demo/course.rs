//! Queries the course for the picture.

use std::time::Duration;

use homeroom_client::Client;
use homeroom_proto::v1::{GetCourseRequest, GetCourseResponse};

use super::class::COURSE;

/// Deadline of the query. The picture is drawn without a later answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);
/// Learners in the answer; more than any terminal shows.
const ROWS: u32 = 60;

/// Queries the course, as a dashboard does; none without an answer in time.
pub(super) async fn look(client: &Client) -> Option<GetCourseResponse> {
    let request = GetCourseRequest {
        course_id: COURSE.to_owned(),
        page_size: ROWS,
        needing_help_only: true,
        ..GetCourseRequest::default()
    };
    match tokio::time::timeout(ANSWER_WITHIN, client.get_course(request)).await {
        Ok(Ok(answer)) => Some(answer).filter(|answer| answer.found),
        Ok(Err(error)) => {
            tracing::warn!(%error, "no answer about the course");
            None
        }
        Err(_) => {
            tracing::warn!("no answer about the course in time");
            None
        }
    }
}
