//! The version of xAPI of a request.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use axum::middleware::Next;
use axum::response::Response;

use super::super::error::HttpError;

/// The supported versions, 1.0.x first.
const VERSIONS: [&str; 5] = ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"];
const VERSIONS_1: &[&str] = VERSIONS.split_at(4).0;

pub(in crate::http) const HEADER: HeaderName = HeaderName::from_static("x-experience-api-version");
const VERSION_1: HeaderValue = HeaderValue::from_static("1.0.3");
const VERSION_2: HeaderValue = HeaderValue::from_static("2.0.0");

/// The versions to list for a client, by the version that it names.
pub(super) fn offered(headers: &HeaderMap) -> &'static [&'static str] {
    let speaks_1 = headers.contains_key(HEADER) && asked(headers) == Some(VERSION_1);
    if speaks_1 { VERSIONS_1 } else { &VERSIONS }
}

/// Adds the version header to every answer, errors included.
pub(super) async fn name_version(request: Request<Body>, next: Next) -> Response {
    let version = asked(request.headers()).unwrap_or(VERSION_1);
    let mut response = next.run(request).await;
    response.headers_mut().insert(HEADER, version);
    response
}

/// Checks that a request names a supported version. A request without the header counts as 1.0, as
/// many source systems omit it.
///
/// # Errors
/// When it names any other version.
pub(super) fn check(headers: &HeaderMap) -> Result<(), HttpError> {
    asked(headers)
        .map(|_| ())
        .ok_or(HttpError::UnsupportedVersion)
}

/// The version to answer with, or `None` when the named one is not supported.
fn asked(headers: &HeaderMap) -> Option<HeaderValue> {
    let Some(asked) = headers.get(HEADER) else {
        return Some(VERSION_1);
    };
    let is = |version: &str| {
        let rest = asked.to_str().ok()?.trim().strip_prefix(version)?;
        (rest.is_empty() || rest.starts_with('.')).then_some(())
    };
    is("1.0")
        .map(|()| VERSION_1)
        .or(is("2.0").map(|()| VERSION_2))
}
