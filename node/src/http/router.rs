//! The routes of all paths.

use std::sync::Arc;

use axum::Router;
use homeroom_proto::v1::{
    course_service_server::CourseService, learner_service_server::LearnerService,
};

use crate::ingress::JsonIntake;

use super::error::HttpError;
use super::events_answer::EventsAnswer;
use super::openapi::{DescribedRouter, EventsBody, EventsRefused, documented};
use super::read::{self, Reads};
use super::state::HttpState;
use super::{events, health, metrics, xapi};

/// Builds the router of all paths.
pub fn router<I, L, C>(state: HttpState<I>, reads: Reads<L, C>) -> Router
where
    I: JsonIntake,
    L: LearnerService,
    C: CourseService,
{
    documented(routes(state).merge(read::routes(reads)))
}

/// The routes of metrics, health, events and statements.
pub(super) fn routes<I: JsonIntake>(state: HttpState<I>) -> DescribedRouter {
    DescribedRouter::new()
        .on::<metrics::__path_metrics, _, _>(metrics::metrics::<I>)
        .on::<health::__path_healthz, _, _>(health::healthz::<I>)
        .on::<health::__path_readyz, _, _>(health::readyz::<I>)
        .on::<events::__path_publish, _, _>(events::publish::<I>)
        .schema::<EventsBody>()
        .schema::<EventsAnswer<'_>>()
        .schema::<EventsRefused>()
        .nest("/xAPI", xapi::paths::<I>())
        .map(|router| {
            router
                .fallback(async || HttpError::NotFound)
                .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
        })
        .with_state(Arc::new(state))
}
