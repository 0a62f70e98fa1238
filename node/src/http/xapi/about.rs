//! `GET /xAPI/about`: what is spoken here.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::super::error::HttpError;
use super::version::VERSIONS;

#[derive(Serialize)]
struct About {
    version: [&'static str; VERSIONS.len()],
    extensions: std::collections::BTreeMap<&'static str, &'static str>,
}

/// Needs no version to be named: it is where a client learns them.
pub(super) async fn about() -> Result<Response, HttpError> {
    let about = About {
        version: VERSIONS,
        extensions: [("urn:homeroom:version", env!("CARGO_PKG_VERSION"))].into(),
    };
    let json = serde_json::to_vec(&about).map_err(|_| HttpError::Internal("about"))?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}
