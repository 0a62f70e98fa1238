//! The source of statements, by the Basic credential.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use headers::HeaderMapExt;
use headers::authorization::{Authorization, Basic};

use crate::ingress::XAPI_SOURCE;

use super::super::error::HttpError;

/// Upper bound of a user name, bytes.
const SOURCE_BYTES_MAX: usize = 128;

/// The source of the statements: the user name of a Basic credential, or else `xapi`. The
/// credential is not checked, as there is no access control. Other schemes are ignored.
///
/// # Errors
/// When a Basic credential can't be parsed, or its user name is longer than 128 bytes.
pub(super) fn source(headers: &HeaderMap) -> Result<String, HttpError> {
    let is_basic = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    };
    if !headers.get(AUTHORIZATION).is_some_and(is_basic) {
        return Ok(XAPI_SOURCE.to_owned());
    }
    let credential = headers.typed_get::<Authorization<Basic>>();
    let credential = credential.ok_or(HttpError::BadCredential)?;
    match credential.username() {
        "" => Ok(XAPI_SOURCE.to_owned()),
        name if name.len() > SOURCE_BYTES_MAX => Err(HttpError::LongUserName {
            bytes: name.len(),
            bytes_max: SOURCE_BYTES_MAX,
        }),
        name => Ok(name.to_owned()),
    }
}
