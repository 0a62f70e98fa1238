//! Health checks: liveness of the process, readiness of the node.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::{ingress::JsonIntake, observe::Readiness};

use super::state::HttpState;

/// 200 unless the node has failed for good, so that only a restart helps.
pub(super) async fn healthz<I: JsonIntake>(State(state): State<Arc<HttpState<I>>>) -> Response {
    match &*state.readiness.borrow() {
        Readiness::Failed { reason } => unavailable(reason),
        Readiness::Ready | Readiness::NotReady { .. } => "ok\n".into_response(),
    }
}

/// 200 while the node accepts events and answers queries.
pub(super) async fn readyz<I: JsonIntake>(State(state): State<Arc<HttpState<I>>>) -> Response {
    match state.readiness.borrow().reason() {
        None => "ready\n".into_response(),
        Some(reason) => unavailable(reason),
    }
}

fn unavailable(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
}
