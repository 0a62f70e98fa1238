//! The position that an answer has reached, as a header.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use homeroom_proto::v1;

/// Given back with a read, it makes the answer at least as new.
pub(super) const POSITION: HeaderName = HeaderName::from_static("homeroom-position");

/// Adds the header, unless nothing was applied.
pub(super) fn with_position(mut response: Response, position: &v1::PositionToken) -> Response {
    let value = HeaderValue::try_from(position.to_string());
    if let (false, Ok(value)) = (position.shards.is_empty(), value) {
        response.headers_mut().insert(POSITION, value);
    }
    response
}
