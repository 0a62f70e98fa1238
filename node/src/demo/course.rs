//! The course as the node tells it.

use std::time::Duration;

use homeroom_proto::v1::{
    GetCourseRequest, GetCourseResponse, course_service_client::CourseServiceClient,
};
use tonic::{Code, transport::Channel};

use super::class::COURSE;

/// An answer that takes longer is left out of the picture.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);
/// Learners that are asked for; more than any terminal shows.
const ROWS: u32 = 60;

/// Asks for the course, as a dashboard does; none when there is no answer this time.
pub(super) async fn look(channel: Channel) -> Option<GetCourseResponse> {
    let request = GetCourseRequest {
        course_id: COURSE.to_owned(),
        page_size: ROWS,
        needing_help_only: true,
        ..GetCourseRequest::default()
    };
    let mut courses = CourseServiceClient::new(channel);
    let answer = tokio::time::timeout(ANSWER_WITHIN, courses.get_course(request)).await;
    match answer {
        Ok(Ok(answer)) => Some(answer.into_inner()).filter(|answer| answer.found),
        Ok(Err(status)) if status.code() == Code::Unimplemented => None,
        Ok(Err(status)) => {
            tracing::warn!(%status, "no answer about the course");
            None
        }
        Err(_) => {
            tracing::warn!("no answer about the course in time");
            None
        }
    }
}
