//! `GET /xAPI/about`: the supported versions of xAPI.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::error::{ErrorAnswer, HttpError};
use super::super::openapi::XapiParams;
use super::version;

/// What a store of statements says about itself.
#[derive(Serialize, ToSchema)]
pub(super) struct About {
    /// The supported versions of xAPI.
    version: &'static [&'static str],
    extensions: std::collections::BTreeMap<&'static str, &'static str>,
}

/// Requires no version header, since clients learn the versions here. A client that names 1.0.x
/// gets only those versions: libraries of that time fail on unknown versions.
#[utoipa::path(
    get,
    path = "/about",
    operation_id = "getXapiAbout",
    params(XapiParams),
    responses(
        (status = 200, description = "The supported versions.", body = About),
        (status = 500, description = "The node could not make an answer.", body = ErrorAnswer),
    ),
)]
pub(super) async fn about(headers: HeaderMap) -> Result<Response, HttpError> {
    let about = About {
        version: version::offered(&headers),
        extensions: [("urn:homeroom:version", env!("CARGO_PKG_VERSION"))].into(),
    };
    let json = serde_json::to_vec(&about).map_err(|_| HttpError::Internal("about"))?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}
