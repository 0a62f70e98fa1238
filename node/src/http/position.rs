//! The `Homeroom-Position` header.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use homeroom_proto::v1;

/// A read that sends this header gets an answer at least as new as the position.
pub(super) const POSITION: HeaderName = HeaderName::from_static("homeroom-position");

/// Adds the header, unless the position is empty.
pub(super) fn with_position(mut response: Response, position: &v1::PositionToken) -> Response {
    let value = HeaderValue::try_from(position.to_string());
    if let (false, Ok(value)) = (position.shards.is_empty(), value) {
        response.headers_mut().insert(POSITION, value);
    }
    response
}
