//! The routes of metrics, health, events and statements.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::ingress::JsonIntake;

use super::error::HttpError;
use super::state::HttpState;
use super::{events, health, metrics, xapi};

/// Builds the router.
pub fn router<I: JsonIntake>(state: HttpState<I>) -> Router {
    Router::new()
        .route("/metrics", get(metrics::metrics::<I>))
        .route("/healthz", get(health::healthz::<I>))
        .route("/readyz", get(health::readyz::<I>))
        .route("/v1/events", post(events::publish::<I>))
        .nest("/xAPI", xapi::paths::<I>())
        .fallback(async || HttpError::NotFound)
        .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
        .with_state(Arc::new(state))
}
