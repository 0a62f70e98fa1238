//! Serves courses, put together from all shards.

use std::pin::Pin;

use futures::Stream;
use homeroom_proto::v1::{self, course_service_server::CourseService};
use tonic::{Request, Response, Status};

/// Serves [`CourseService`].
#[derive(Clone, Default)]
pub struct CourseDoor {}

#[tonic::async_trait]
impl CourseService for CourseDoor {
    type WatchCourseStream =
        Pin<Box<dyn Stream<Item = Result<v1::WatchCourseResponse, Status>> + Send>>;

    async fn list_courses(
        &self,
        _request: Request<v1::ListCoursesRequest>,
    ) -> Result<Response<v1::ListCoursesResponse>, Status> {
        Err(Status::unimplemented("list_courses"))
    }

    async fn get_course(
        &self,
        _request: Request<v1::GetCourseRequest>,
    ) -> Result<Response<v1::GetCourseResponse>, Status> {
        Err(Status::unimplemented("get_course"))
    }

    async fn list_course_windows(
        &self,
        _request: Request<v1::ListCourseWindowsRequest>,
    ) -> Result<Response<v1::ListCourseWindowsResponse>, Status> {
        Err(Status::unimplemented("list_course_windows"))
    }

    async fn watch_course(
        &self,
        _request: Request<v1::WatchCourseRequest>,
    ) -> Result<Response<Self::WatchCourseStream>, Status> {
        Err(Status::unimplemented("watch_course"))
    }
}
