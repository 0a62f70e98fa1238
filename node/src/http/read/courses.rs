//! `GET /v1/courses`, and the roster, windows and watch of one course.

use axum::extract::State;
use axum::response::Response;
use homeroom_proto::v1::{
    self, course_service_server::CourseService, learner_service_server::LearnerService,
};
use tonic::Request;

use super::{
    super::error::HttpError,
    super::openapi::{PageParams, ReadErrors, ReadParams, RosterParams, WatchParams, WindowParams},
    answer::{answer, answer_if, with_fields},
    events::events,
    read_query::{PathId, ReadQuery},
    reads::Reads,
};

/// A page of all courses.
#[utoipa::path(
    get,
    path = "/v1/courses",
    operation_id = "listCourses",
    params(PageParams, ReadParams),
    responses(
        (
            status = 200,
            description = "A page of courses, by id.",
            body = v1::ListCoursesResponse,
            headers(("Homeroom-Position" = String, description = "Of this answer.")),
        ),
        ReadErrors,
    ),
)]
pub(super) async fn list<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    mut query: ReadQuery,
) -> Result<Response, HttpError> {
    let params = query.params(&["pageSize", "pageToken"], true)?;
    let request = v1::ListCoursesRequest {
        page_size: params.number("pageSize")?,
        page_token: params.text("pageToken"),
        read: query.read(&params)?,
    };
    let services = reads.services()?;
    let courses = services.courses.list_courses(Request::new(request));
    let page = courses.await?.into_inner();
    answer(&page, &services.cluster_id, &page.freshness)
}

/// A course with a page of its roster.
#[utoipa::path(
    get,
    path = "/v1/courses/{id}",
    operation_id = "getCourse",
    params(
        ("id" = String, Path, description = "The course's id, percent-encoded.", min_length = 1, example = "algebra"),
        PageParams,
        RosterParams,
        ReadParams,
    ),
    responses(
        (
            status = 200,
            description = "The course and a page of its roster.",
            body = v1::GetCourseResponse,
            headers(("Homeroom-Position" = String, description = "Of this answer.")),
        ),
        ReadErrors,
    ),
)]
pub(super) async fn get<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    PathId(course_id): PathId,
    mut query: ReadQuery,
) -> Result<Response, HttpError> {
    let params = query.params(&["pageSize", "pageToken", "needingHelpOnly"], true)?;
    let request = v1::GetCourseRequest {
        course_id,
        page_size: params.number("pageSize")?,
        page_token: params.text("pageToken"),
        needing_help_only: params.truth("needingHelpOnly")?,
        read: query.read(&params)?,
    };
    let services = reads.services()?;
    let course = services.courses.get_course(Request::new(request)).await?;
    let course = course.into_inner();
    let (cluster_id, freshness) = (&services.cluster_id, &course.freshness);
    answer_if(course.found, "course", &course, cluster_id, freshness)
}

/// A page of a course's windows.
#[utoipa::path(
    get,
    path = "/v1/courses/{id}/windows",
    operation_id = "listCourseWindows",
    params(
        ("id" = String, Path, description = "The course's id, percent-encoded.", min_length = 1, example = "algebra"),
        WindowParams,
        PageParams,
        ReadParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of windows, oldest first.",
            body = v1::ListCourseWindowsResponse,
            headers(("Homeroom-Position" = String, description = "Of this answer.")),
        ),
        ReadErrors,
    ),
)]
pub(super) async fn windows<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    PathId(course_id): PathId,
    mut query: ReadQuery,
) -> Result<Response, HttpError> {
    let known = ["sizeMs", "stepMs", "from", "to", "pageSize", "pageToken"];
    let params = query.params(&known, true)?;
    let request = v1::ListCourseWindowsRequest {
        course_id,
        size_ms: params.number("sizeMs")?,
        step_ms: params.number("stepMs")?,
        from_ms: params.time_ms("from")?,
        to_ms: params.time_ms("to")?,
        page_size: params.number("pageSize")?,
        page_token: params.text("pageToken"),
        read: query.read(&params)?,
    };
    let services = reads.services()?;
    let page = services.courses.list_course_windows(Request::new(request));
    let page = page.await?.into_inner();
    let (cluster_id, freshness) = (&services.cluster_id, &page.freshness);
    answer_if(page.found, "course", &page, cluster_id, freshness)
}

/// Streams a course: now, and after each change.
#[utoipa::path(
    get,
    path = "/v1/courses/{id}/watch",
    operation_id = "watchCourse",
    params(
        ("id" = String, Path, description = "The course's id, percent-encoded.", min_length = 1, example = "algebra"),
        WatchParams,
        ("pageSize" = Option<u32>, Query, description = "Learners on the roster. 0 means 100."),
        RosterParams,
    ),
    responses(
        (status = 200, description = "Events named `course`, each with an answer as of the path without `/watch`; a last one named `error`.", body = String, content_type = "text/event-stream"),
        ReadErrors,
    ),
)]
pub(super) async fn watch<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    PathId(course_id): PathId,
    mut query: ReadQuery,
) -> Result<Response, HttpError> {
    let params = query.params(&["minIntervalMs", "pageSize", "needingHelpOnly"], false)?;
    let request = v1::WatchCourseRequest {
        course_id,
        min_interval_ms: params.number("minIntervalMs")?,
        page_size: params.number("pageSize")?,
        needing_help_only: params.truth("needingHelpOnly")?,
    };
    let room = reads.begin_watch()?;
    let courses = &reads.services()?.courses;
    let answers = courses.watch_course(Request::new(request)).await?;
    let shown = |course: v1::WatchCourseResponse| with_fields(&course, None);
    let answers = answers.into_inner();
    Ok(events("course", answers, shown, reads.closing(), room))
}
