//! `GET /v1/learners/{id}`, and the learner's windows and watch.

use axum::extract::State;
use axum::response::Response;
use homeroom_proto::v1::{
    self, course_service_server::CourseService, learner_service_server::LearnerService,
};
use tonic::Request;

use super::{
    super::error::HttpError,
    answer::{answer, answer_if, with_fields},
    events::events,
    read_query::{PathId, ReadQuery},
    reads::Reads,
};

/// A learner's profile.
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
