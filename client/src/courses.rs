//! Calls to the course service.

use homeroom_proto::v1;
use tonic::transport::Channel;
use v1::course_service_client::CourseServiceClient;

use crate::client::ANSWER_BYTES_MAX;
use crate::{CallError, Client, CourseWatch, Watch};

fn service(channel: Channel) -> CourseServiceClient<Channel> {
    CourseServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// One page of all courses, by id.
    pub async fn list_courses(
        &self,
        mut request: v1::ListCoursesRequest,
    ) -> Result<v1::ListCoursesResponse, CallError> {
        request.read = self.with_position(request.read);
        self.unary("ListCourses", request, |channel, request| async move {
            service(channel).list_courses(request).await
        })
        .await
    }

    /// One course with a page of its roster. An unknown course has `found = false`.
    pub async fn get_course(
        &self,
        mut request: v1::GetCourseRequest,
    ) -> Result<v1::GetCourseResponse, CallError> {
        request.read = self.with_position(request.read);
        self.unary("GetCourse", request, |channel, request| async move {
            service(channel).get_course(request).await
        })
        .await
    }

    /// One page of a course's windows.
    pub async fn list_course_windows(
        &self,
        mut request: v1::ListCourseWindowsRequest,
    ) -> Result<v1::ListCourseWindowsResponse, CallError> {
        request.read = self.with_position(request.read);
        self.unary(
            "ListCourseWindows",
            request,
            |channel, request| async move { service(channel).list_course_windows(request).await },
        )
        .await
    }

    /// The course now and after each change, through reconnects.
    pub fn watch_course(&self, request: v1::WatchCourseRequest) -> CourseWatch {
        Watch::new(self.clone(), "WatchCourse", request, |channel, request| {
            Box::pin(async move { service(channel).watch_course(request).await })
        })
    }
}
