//! `GET /xAPI/about`: what is spoken here.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::super::error::HttpError;
use super::version;

#[derive(Serialize)]
struct About {
    version: &'static [&'static str],
    extensions: std::collections::BTreeMap<&'static str, &'static str>,
}

/// Needs no version to be named: it is where a client learns them. One that speaks 1.0.x is told of those alone: libraries of that
/// time fail on versions that they have never heard of.
pub(super) async fn about(headers: HeaderMap) -> Result<Response, HttpError> {
    let about = About {
        version: version::offered(&headers),
        extensions: [("urn:homeroom:version", env!("CARGO_PKG_VERSION"))].into(),
    };
    let json = serde_json::to_vec(&about).map_err(|_| HttpError::Internal("about"))?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}
