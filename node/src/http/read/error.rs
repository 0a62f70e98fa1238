//! Reads without an answer, and the one table of what gRPC's codes are over HTTP.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// When to come back where nobody says it.
const COME_BACK: Duration = Duration::from_secs(1);

/// A read that is refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReadError {
    status: StatusCode,
    said: Said,
    retry_after: Option<Duration>,
}

/// What the body says of an error; the same form at all paths.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Said {
    /// By which programs tell errors apart.
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a Said,
}

impl Said {
    pub fn not_found(what: &str) -> Self {
        Self {
            code: "not_found",
            message: format!("no such {what}"),
        }
    }
}

impl ReadError {
    /// A parameter, or the path, is not as it must be.
    pub fn invalid(name: &str, description: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            said: Said {
                code: "invalid_argument",
                message: format!("{name}: {description}"),
            },
            retry_after: None,
        }
    }

    /// To be asked again later.
    pub fn unavailable(why: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            said: Said {
                code: "unavailable",
                message: why.to_owned(),
            },
            retry_after: Some(COME_BACK),
        }
    }

    /// A fault of ours.
    pub fn internal(what: &str) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            said: Said {
                code: "internal",
                message: format!("the node could not make an answer: {what}"),
            },
            retry_after: None,
        }
    }

    /// The body, for a place where there is no status left to set.
    pub fn to_json(&self) -> String {
        let envelope = Envelope { error: &self.said };
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

impl From<Status> for ReadError {
    fn from(status: Status) -> Self {
        let (http, code) = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => {
                (StatusCode::BAD_REQUEST, "invalid_argument")
            }
            Code::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => {
                (StatusCode::CONFLICT, "conflict")
            }
            Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "unimplemented"),
            Code::ResourceExhausted => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Code::Unavailable | Code::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "timed_out"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let asked = status
            .get_details_retry_info()
            .and_then(|info| info.retry_delay);
        let comes_back = http == StatusCode::SERVICE_UNAVAILABLE;
        Self {
            status: http,
            said: Said {
                code,
                message: status.message().to_owned(),
            },
            retry_after: comes_back.then(|| asked.unwrap_or(COME_BACK)),
        }
    }
}

impl IntoResponse for ReadError {
    fn into_response(self) -> Response {
        let head = [(CONTENT_TYPE, "application/json")];
        let mut response = (self.status, head, self.to_json()).into_response();
        if let Some(retry_after) = self.retry_after {
            let whole_s = retry_after.as_millis().div_ceil(1_000).max(1);
            let seconds = u64::try_from(whole_s).unwrap_or(u64::MAX);
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
