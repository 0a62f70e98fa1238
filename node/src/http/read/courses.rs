//! `GET /v1/courses`, and of one course its roster, its windows, and its watch.

use axum::extract::State;
use axum::response::Response;
use homeroom_proto::v1::{
    self, course_service_server::CourseService, learner_service_server::LearnerService,
};
use tonic::Request;

use super::{
    answer::{answer, answer_if, with_fields},
    asked::{Asked, Id},
    error::ReadError,
    events::events,
    reads::Reads,
};

/// A page of all courses.
pub(super) async fn list<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    mut asked: Asked,
) -> Result<Response, ReadError> {
    let params = asked.params(&["pageSize", "pageToken"], true)?;
    let request = v1::ListCoursesRequest {
        page_size: params.number("pageSize")?,
        page_token: params.text("pageToken"),
        read: asked.read(&params)?,
    };
    let told = reads.courses()?.list_courses(Request::new(request)).await?;
    let told = told.into_inner();
    answer(&told, reads.cluster_id(), &told.freshness)
}

/// A course with a page of its roster.
pub(super) async fn get<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    Id(course_id): Id,
    mut asked: Asked,
) -> Result<Response, ReadError> {
    let params = asked.params(&["pageSize", "pageToken", "needingHelpOnly"], true)?;
    let request = v1::GetCourseRequest {
        course_id,
        page_size: params.number("pageSize")?,
        page_token: params.text("pageToken"),
        needing_help_only: params.truth("needingHelpOnly")?,
        read: asked.read(&params)?,
    };
    let told = reads.courses()?.get_course(Request::new(request)).await?;
    let told = told.into_inner();
    let (cluster_id, freshness) = (reads.cluster_id(), &told.freshness);
    answer_if(told.found, "course", &told, cluster_id, freshness)
}

/// A page of a course's windows.
pub(super) async fn windows<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    Id(course_id): Id,
    mut asked: Asked,
) -> Result<Response, ReadError> {
    let known = ["sizeMs", "stepMs", "from", "to", "pageSize", "pageToken"];
    let params = asked.params(&known, true)?;
    let request = v1::ListCourseWindowsRequest {
        course_id,
        size_ms: params.number("sizeMs")?,
        step_ms: params.number("stepMs")?,
        from_ms: params.time_ms("from")?,
        to_ms: params.time_ms("to")?,
        page_size: params.number("pageSize")?,
        page_token: params.text("pageToken"),
        read: asked.read(&params)?,
    };
    let courses = reads.courses()?;
    let told = courses.list_course_windows(Request::new(request)).await?;
    let told = told.into_inner();
    let (cluster_id, freshness) = (reads.cluster_id(), &told.freshness);
    answer_if(told.found, "course", &told, cluster_id, freshness)
}

/// A course now, and after each change.
pub(super) async fn watch<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    Id(course_id): Id,
    mut asked: Asked,
) -> Result<Response, ReadError> {
    let params = asked.params(&["minIntervalMs", "pageSize", "needingHelpOnly"], false)?;
    let request = v1::WatchCourseRequest {
        course_id,
        min_interval_ms: params.number("minIntervalMs")?,
        page_size: params.number("pageSize")?,
        needing_help_only: params.truth("needingHelpOnly")?,
    };
    let room = reads.begin_watch()?;
    let courses = reads.courses()?;
    let answers = courses.watch_course(Request::new(request)).await?;
    let shown = |told: v1::WatchCourseResponse| with_fields(&told, None);
    let answers = answers.into_inner();
    Ok(events("course", answers, shown, reads.closing(), room))
}
