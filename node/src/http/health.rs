//! Health checks: liveness of the process, readiness of the node.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::{ingress::JsonIntake, observe::Readiness};

use super::state::HttpState;

/// 200 unless the node has failed for good, so that only a restart helps.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getLiveness",
    responses(
        (status = 200, description = "The process lives.", body = String, content_type = "text/plain"),
        (status = 503, description = "Why not.", body = String, content_type = "text/plain"),
    ),
)]
pub(super) async fn healthz<I: JsonIntake>(State(state): State<Arc<HttpState<I>>>) -> Response {
    match &*state.readiness.borrow() {
        Readiness::Failed { reason } => unavailable(reason),
        Readiness::Ready | Readiness::Impaired { .. } | Readiness::NotReady { .. } => {
            "ok\n".into_response()
        }
    }
}

/// 200 while the node accepts events and answers queries. With replicas that have failed the body
/// names them: their shards take no events here, all others do.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    responses(
        (status = 200, description = "The node is ready.", body = String, content_type = "text/plain"),
        (status = 503, description = "Why not.", body = String, content_type = "text/plain"),
    ),
)]
pub(super) async fn readyz<I: JsonIntake>(State(state): State<Arc<HttpState<I>>>) -> Response {
    match &*state.readiness.borrow() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::Impaired { failures } => format!("ready\n{failures}\n").into_response(),
        Readiness::NotReady { reason } | Readiness::Failed { reason } => unavailable(reason),
    }
}

fn unavailable(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
}
