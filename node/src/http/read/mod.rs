//! Reads over HTTP: the answers of the gRPC services as JSON, their watches as server-sent events.
//!
//! Generic over the gRPC service traits and calls them as a gRPC client would, so that both APIs
//! give the same answers.

mod answer;
mod courses;
mod events;
mod grpc_status;
mod learners;
mod params;
mod read_query;
mod reads;

#[cfg(test)]
mod tests;

use homeroom_proto::v1::{
    self, course_service_server::CourseService, learner_service_server::LearnerService,
};

use super::error::HttpError;
use super::openapi::DescribedRouter;

pub use reads::{ReadServices, Reads};

/// The routes of all reads.
pub(super) fn routes<L: LearnerService, C: CourseService>(reads: Reads<L, C>) -> DescribedRouter {
    DescribedRouter::new()
        .on::<learners::__path_get, _, _>(learners::get::<L, C>)
        .on::<learners::__path_windows, _, _>(learners::windows::<L, C>)
        .on::<learners::__path_watch, _, _>(learners::watch::<L, C>)
        .on::<courses::__path_list, _, _>(courses::list::<L, C>)
        .on::<courses::__path_get, _, _>(courses::get::<L, C>)
        .on::<courses::__path_windows, _, _>(courses::windows::<L, C>)
        .on::<courses::__path_watch, _, _>(courses::watch::<L, C>)
        .schema::<v1::GetLearnerResponse>()
        .schema::<v1::ListWindowsResponse>()
        .schema::<v1::ListCoursesResponse>()
        .schema::<v1::GetCourseResponse>()
        .schema::<v1::ListCourseWindowsResponse>()
        .map(|router| router.method_not_allowed_fallback(async || HttpError::MethodNotAllowed))
        .with_state(reads)
}
