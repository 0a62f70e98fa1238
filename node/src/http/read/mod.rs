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

use axum::Router;
use axum::routing::get;
use homeroom_proto::v1::{
    course_service_server::CourseService, learner_service_server::LearnerService,
};

use super::error::HttpError;

pub use reads::{ReadServices, Reads};

/// The routes of all reads.
pub fn routes<L: LearnerService, C: CourseService>(reads: Reads<L, C>) -> Router {
    Router::new()
        .route("/v1/learners/{id}", get(learners::get::<L, C>))
        .route("/v1/learners/{id}/windows", get(learners::windows::<L, C>))
        .route("/v1/learners/{id}/watch", get(learners::watch::<L, C>))
        .route("/v1/courses", get(courses::list::<L, C>))
        .route("/v1/courses/{id}", get(courses::get::<L, C>))
        .route("/v1/courses/{id}/windows", get(courses::windows::<L, C>))
        .route("/v1/courses/{id}/watch", get(courses::watch::<L, C>))
        .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
        .with_state(reads)
}
