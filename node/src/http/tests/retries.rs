//! When a refused request is to be sent again.

use axum::response::IntoResponse;

use super::super::error::retry_after_header;
use super::*;
use crate::{ingress::IntakeError, route::RouteError};

#[test]
fn every_refusal_of_the_intake_says_when_to_come_again() {
    let queued_bytes_max = 7;
    let memory_bytes_max = 7;
    let cases = [
        (RouteError::Overloaded { queued_bytes_max }.into(), true),
        (RouteError::MemoryFull { memory_bytes_max }.into(), true),
        (IntakeError::TooMany(7), true),
        (IntakeError::NotFounded, false),
        (IntakeError::UnknownFormat, false),
    ];
    for (error, is_overload) in cases {
        let error = HttpError::from(error);
        let code = if is_overload {
            "overloaded"
        } else {
            "unavailable"
        };
        assert_eq!(error.status(), (StatusCode::SERVICE_UNAVAILABLE, code));
        let response = error.into_response();
        assert_eq!(response.headers()["retry-after"], "1");
    }
}

#[test]
fn a_delay_is_sent_in_whole_seconds_and_none_too_few() {
    for (delay_ms, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (1_200, "2")] {
        let (name, value) = retry_after_header(Duration::from_millis(delay_ms));
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("retry-after", seconds.as_bytes())
        );
        let refused = HttpError::Service {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "overloaded",
            message: "full".to_owned(),
            retry_after: Some(Duration::from_millis(delay_ms)),
        };
        let response = refused.into_response();
        assert_eq!(response.headers()["retry-after"], seconds, "{delay_ms}");
    }
}
