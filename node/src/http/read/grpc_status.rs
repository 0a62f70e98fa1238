//! The one table from gRPC codes to HTTP statuses.

use axum::http::StatusCode;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::super::error::{HttpError, RETRY_AFTER_DEFAULT};

impl From<Status> for HttpError {
    fn from(status: Status) -> Self {
        let retry_info = status.get_details_retry_info();
        let (http, code) = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => {
                (StatusCode::BAD_REQUEST, "invalid_argument")
            }
            Code::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => {
                (StatusCode::CONFLICT, "conflict")
            }
            Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "unimplemented"),
            // To be repeated only in another form.
            Code::ResourceExhausted if retry_info.is_none() => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_much")
            }
            Code::ResourceExhausted => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Code::Unavailable | Code::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "timed_out"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let retry_after = retry_info
            .and_then(|info| info.retry_delay)
            .unwrap_or(RETRY_AFTER_DEFAULT);
        let is_temporary = http == StatusCode::SERVICE_UNAVAILABLE;
        Self::Service {
            status: http,
            code,
            message: status.message().to_owned(),
            retry_after: is_temporary.then_some(retry_after),
        }
    }
}
