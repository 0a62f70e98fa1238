//! Errors of requests, and the one table of their HTTP statuses and codes.

use std::time::Duration;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use homeroom_proto::v1;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ingress::{IntakeError, RefusedStatement},
    route::RouteError,
};

use super::gate::Closed;
use super::position::with_position;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HttpError {
    /// No such path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path exists, but not for this method.
    #[error("this path has no such method")]
    MethodNotAllowed,
    /// The `Host` header is missing, there twice, or names no host.
    #[error("the Host header must name one host")]
    BadHost,
    /// The request names a host that is not this node's.
    #[error(
        "this node is not called by that Host: name it by localhost, by its address, or by a name in its setting web.hosts"
    )]
    UnknownHost,
    /// A page of another origin sent the request.
    #[error(
        "pages of other origins may not read or post here: the setting web.origins lists those that may"
    )]
    ForeignOrigin,
    /// The Content-Type is not one of the accepted types.
    #[error("the Content-Type must be {expected}, in UTF-8")]
    UnsupportedType {
        /// The accepted types.
        expected: &'static str,
    },
    /// Statements with attachments.
    #[error(
        "attachments (multipart/mixed) are not taken: send the statements alone, as application/json"
    )]
    AttachmentsUnsupported,
    /// The Content-Encoding is not supported.
    #[error("the Content-Encoding must be gzip or identity")]
    UnsupportedEncoding,
    /// The body is too large, as received or decompressed.
    #[error("the body must not be larger than {bytes_max} bytes, also when decompressed")]
    TooLarge {
        /// The bound, bytes.
        bytes_max: usize,
    },
    /// The body has too many events.
    #[error("a request must not hold more than {max} events")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// The body is empty.
    #[error("the body is empty")]
    EmptyBody,
    /// The body took too long to arrive.
    #[error("the body did not arrive within {} s", .limit.as_secs())]
    BodyTimeout {
        /// The time allowed.
        limit: Duration,
    },
    /// The connection broke, or the body can't be decompressed.
    #[error("the body can't be read: {0}")]
    BodyUnreadable(String),
    /// The Authorization header can't be read.
    #[error("the Authorization header is no readable Basic credential")]
    BadCredential,
    /// The user name of the credential is too long.
    #[error(
        "the user name of the Basic credential is too long: at most {bytes_max} bytes, not {bytes}"
    )]
    LongUserName {
        /// Its length, bytes.
        bytes: usize,
        /// The bound, bytes.
        bytes_max: usize,
    },
    /// The version of xAPI is not supported.
    #[error("X-Experience-API-Version must be 1.0.x or 2.0.x")]
    UnsupportedVersion,
    /// The query string can't be parsed.
    #[error("the parameters behind the ? can't be read, or stand there twice")]
    BadQuery,
    /// The `statementId` parameter is missing or wrong.
    #[error("{0}")]
    BadStatementId(&'static str),
    /// The alternate request syntax of xAPI 1.x, which sends all parts of a request in a form.
    #[error("the alternate request syntax (?method=) is not taken: send a plain POST or PUT")]
    AlternateSyntax,
    /// The body is not JSON. It is kept as a dead letter.
    #[error("{0}")]
    NotJson(String),
    /// Some statements are refused and kept as dead letters. None of the others is accepted.
    #[error("{} of {count} statements refused; none was taken", .refused.len())]
    StatementsRefused {
        /// Number of statements in the request.
        count: usize,
        /// The refused statements.
        refused: Vec<RefusedStatement>,
    },
    /// The ids of some statements are known with other content. The other statements were accepted.
    #[error("{} statements are known with other content; the others were taken", .conflicts.len())]
    Conflict {
        /// The statements in conflict.
        conflicts: Vec<RefusedStatement>,
        /// The position at which the others are applied.
        position: v1::PositionToken,
    },
    /// Whether some statements are stored is unknown.
    #[error(
        "the outcome of some statements is unknown: they may or may not be stored; it is safe to send the request again"
    )]
    OutcomeUnknown {
        /// The position at which the accepted ones are applied.
        position: v1::PositionToken,
    },
    /// Some statements are not stored, and could not be accepted now.
    #[error("not all statements could be taken now; send the request again")]
    Partial {
        /// The position at which the accepted ones are applied.
        position: v1::PositionToken,
    },
    /// The node's queues are full.
    #[error("the node has no room for more events now")]
    Overloaded,
    /// The node does not accept requests now, for this reason.
    #[error("{0}")]
    Unavailable(String),
    /// A parameter or the path is invalid.
    #[error("{0}")]
    InvalidArgument(String),
    /// A gRPC service refused the request.
    #[error("{message}")]
    Service {
        /// The HTTP status.
        status: StatusCode,
        /// The code by which programs distinguish errors.
        code: &'static str,
        /// The service's own message.
        message: String,
        /// When to send the request again, if a retry can succeed.
        retry_after: Option<Duration>,
    },
    /// An internal error.
    #[error("the node could not make an answer: {0}")]
    Internal(&'static str),
}

/// The body of every error.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorAnswer<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize, ToSchema)]
struct ErrorBody<'a> {
    /// By which programs distinguish errors.
    code: &'static str,
    /// For people.
    message: String,
    /// The statements that are refused, or in conflict; at most 100 of them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    statements: &'a [RefusedStatement],
}

/// Upper bound of the refused statements in the list; `message` has the full count.
const LISTED_MAX: usize = 100;
/// When to retry a request that was refused for lack of room, or while the node is not ready.
pub(super) const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

impl HttpError {
    /// The HTTP status, and the code by which programs distinguish errors.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BadHost => (StatusCode::BAD_REQUEST, "bad_host"),
            Self::UnknownHost => (StatusCode::MISDIRECTED_REQUEST, "unknown_host"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign_origin"),
            Self::UnsupportedType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type")
            }
            Self::AttachmentsUnsupported => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "attachments_unsupported",
            ),
            Self::UnsupportedEncoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding")
            }
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TooMany { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_many_events"),
            Self::BodyTimeout { .. } => (StatusCode::REQUEST_TIMEOUT, "body_timeout"),
            Self::BodyUnreadable(_) => (StatusCode::BAD_REQUEST, "body_unreadable"),
            Self::BadCredential | Self::LongUserName { .. } => {
                (StatusCode::BAD_REQUEST, "bad_credential")
            }
            Self::UnsupportedVersion => (StatusCode::BAD_REQUEST, "unsupported_version"),
            Self::EmptyBody => (StatusCode::BAD_REQUEST, "empty_body"),
            Self::BadQuery => (StatusCode::BAD_REQUEST, "bad_query"),
            Self::BadStatementId(_) => (StatusCode::BAD_REQUEST, "bad_statement_id"),
            Self::AlternateSyntax => (StatusCode::BAD_REQUEST, "alternate_syntax"),
            Self::Conflict { .. } => (StatusCode::CONFLICT, "conflict"),
            Self::NotJson(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::StatementsRefused { .. } => (StatusCode::BAD_REQUEST, "statements_refused"),
            Self::InvalidArgument(_) => (StatusCode::BAD_REQUEST, "invalid_argument"),
            Self::Service { status, code, .. } => (*status, code),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::OutcomeUnknown { .. } => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
            Self::Partial { .. } | Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// A header that the answer needs besides the body.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::UnsupportedEncoding => Some((ACCEPT_ENCODING, HeaderValue::from_static("gzip"))),
            Self::Service { retry_after, .. } => retry_after.map(retry_after_header),
            Self::OutcomeUnknown { .. }
            | Self::Partial { .. }
            | Self::Overloaded
            | Self::Unavailable(_) => Some(retry_after_header(RETRY_AFTER_DEFAULT)),
            _ => None,
        }
    }

    /// A parameter or the path is invalid.
    pub(super) fn invalid(name: &str, description: &str) -> Self {
        Self::InvalidArgument(format!("{name}: {description}"))
    }

    /// The JSON body of the answer.
    pub(super) fn to_json(&self) -> String {
        let statements = match self {
            Self::StatementsRefused { refused, .. } => refused.as_slice(),
            Self::Conflict { conflicts, .. } => conflicts.as_slice(),
            _ => &[],
        };
        let (_, code) = self.status();
        let error = ErrorBody {
            code,
            message: self.to_string(),
            statements: &statements[..statements.len().min(LISTED_MAX)],
        };
        serde_json::to_string(&ErrorAnswer { error }).unwrap_or_default()
    }
}

/// The `Retry-After` header, in whole seconds, rounded up.
pub(super) fn retry_after_header(retry_after: Duration) -> (HeaderName, HeaderValue) {
    let whole_s = retry_after.as_millis().div_ceil(1_000).max(1);
    let seconds = u64::try_from(whole_s).unwrap_or(u64::MAX);
    (RETRY_AFTER, HeaderValue::from(seconds))
}

impl From<Closed> for HttpError {
    fn from(Closed(reason): Closed) -> Self {
        Self::Unavailable(reason)
    }
}

impl From<IntakeError> for HttpError {
    /// HTTP bounds the number of events before the intake does, so `TooMany` does not occur here;
    /// it counts as an overload.
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::NotFounded
            | IntakeError::UnknownFormat
            | IntakeError::Route(RouteError::Sealed { .. }) => Self::Unavailable(error.to_string()),
            IntakeError::Route(_) | IntakeError::TooMany(_) => Self::Overloaded,
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, _) = self.status();
        let head = [(CONTENT_TYPE, "application/json")];
        let mut response = (status, head, self.to_json()).into_response();
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        match &self {
            Self::Conflict { position, .. }
            | Self::OutcomeUnknown { position }
            | Self::Partial { position } => with_position(response, position),
            _ => response,
        }
    }
}
