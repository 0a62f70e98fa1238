//! `GET /metrics` for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::ingress::JsonIntake;

use super::state::HttpState;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics, in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics<I: JsonIntake>(State(state): State<Arc<HttpState<I>>>) -> Response {
    ([(CONTENT_TYPE, TEXT_FORMAT)], state.metrics.render()).into_response()
}
