//! `GET /v1/learners/{id}`, and the learner's windows and watch.

use axum::extract::State;
use axum::response::Response;
use homeroom_proto::v1::{
    self, course_service_server::CourseService, learner_service_server::LearnerService,
};
use tonic::Request;

use super::{
    super::error::HttpError,
    super::openapi::{PageParams, ReadErrors, ReadParams, WatchParams, WindowParams},
    answer::{answer, answer_if, with_fields},
    events::events,
    read_query::{PathId, ReadQuery},
    reads::Reads,
};

/// A learner's profile.
#[utoipa::path(
    get,
    path = "/v1/learners/{id}",
    operation_id = "getLearner",
    params(
        ("id" = String, Path, description = "The learner's id, percent-encoded.", min_length = 1, example = "ada"),
        ("fields" = Option<String>, Query, description = "Fields of the profile, separated by commas. None means all."),
        ReadParams,
    ),
    responses(
        (
            status = 200,
            description = "The profile.",
            body = v1::GetLearnerResponse,
            headers(("Homeroom-Position" = String, description = "Of this answer.")),
        ),
        ReadErrors,
    ),
)]
pub(super) async fn get<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    PathId(user_id): PathId,
    mut query: ReadQuery,
) -> Result<Response, HttpError> {
    let params = query.params(&["fields"], true)?;
    let fields = params.fields("fields");
    let request = v1::GetLearnerRequest {
        user_id,
        read: query.read(&params)?,
        field_mask: fields.clone(),
    };
    let services = reads.services()?;
    let learner = services.learners.get_learner(Request::new(request)).await?;
    let learner = learner.into_inner();
    let (cluster_id, freshness) = (&services.cluster_id, &learner.freshness);
    match &fields {
        Some(_) if learner.found => {
            let shown = with_fields(&learner, fields.as_ref())?;
            answer(&shown, cluster_id, freshness)
        }
        _ => answer_if(learner.found, "learner", &learner, cluster_id, freshness),
    }
}

/// A page of a learner's windows.
#[utoipa::path(
    get,
    path = "/v1/learners/{id}/windows",
    operation_id = "listWindows",
    params(
        ("id" = String, Path, description = "The learner's id, percent-encoded.", min_length = 1, example = "ada"),
        WindowParams,
        ("changedSince" = Option<String>, Query, description = "Only windows changed after this log time: RFC 3339, or ms since the epoch."),
        ("courseId" = Option<String>, Query, description = "Counts only events of this course."),
        PageParams,
        ReadParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of windows, oldest first.",
            body = v1::ListWindowsResponse,
            headers(("Homeroom-Position" = String, description = "Of this answer.")),
        ),
        ReadErrors,
    ),
)]
pub(super) async fn windows<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    PathId(user_id): PathId,
    mut query: ReadQuery,
) -> Result<Response, HttpError> {
    let known = [
        "sizeMs",
        "stepMs",
        "from",
        "to",
        "changedSince",
        "courseId",
        "pageSize",
        "pageToken",
    ];
    let params = query.params(&known, true)?;
    let request = v1::ListWindowsRequest {
        user_id,
        size_ms: params.number("sizeMs")?,
        step_ms: params.number("stepMs")?,
        from_ms: params.time_ms("from")?,
        to_ms: params.time_ms("to")?,
        changed_since_ms: params.time_ms("changedSince")?,
        course_id: params.text("courseId"),
        page_size: params.number("pageSize")?,
        page_token: params.text("pageToken"),
        read: query.read(&params)?,
    };
    let services = reads.services()?;
    let page = services
        .learners
        .list_windows(Request::new(request))
        .await?;
    let page = page.into_inner();
    let (cluster_id, freshness) = (&services.cluster_id, &page.freshness);
    answer_if(page.found, "learner", &page, cluster_id, freshness)
}

/// Streams a learner's profile: now, and after each change. An unknown learner is answered with
/// `found = false`, since its first event may still arrive.
#[utoipa::path(
    get,
    path = "/v1/learners/{id}/watch",
    operation_id = "watchLearner",
    params(
        ("id" = String, Path, description = "The learner's id, percent-encoded.", min_length = 1, example = "ada"),
        ("fields" = Option<String>, Query, description = "Fields of the profile, separated by commas. None means all."),
        WatchParams,
    ),
    responses(
        (status = 200, description = "Events named `learner`, each with an answer as of the path without `/watch`; a last one named `error`.", body = String, content_type = "text/event-stream"),
        ReadErrors,
    ),
)]
pub(super) async fn watch<L: LearnerService, C: CourseService>(
    State(reads): State<Reads<L, C>>,
    PathId(user_id): PathId,
    mut query: ReadQuery,
) -> Result<Response, HttpError> {
    let params = query.params(&["fields", "minIntervalMs"], false)?;
    let fields = params.fields("fields");
    let request = v1::WatchLearnerRequest {
        user_id,
        min_interval_ms: params.number("minIntervalMs")?,
        field_mask: fields.clone(),
    };
    let room = reads.begin_watch()?;
    let learners = &reads.services()?.learners;
    let answers = learners.watch_learner(Request::new(request)).await?;
    let shown = move |learner: v1::WatchLearnerResponse| with_fields(&learner, fields.as_ref());
    let answers = answers.into_inner();
    Ok(events("learner", answers, shown, reads.closing(), room))
}
