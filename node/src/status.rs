//! The gRPC status and details of every refusal, in one place.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{control::UpdateError, raft::ProposeError, shard::ReadError};

/// The domain of all [`google.rpc.ErrorInfo`] reasons.
const DOMAIN: &str = "homeroom";
/// When to retry after the node was overloaded.
const RETRY_OVERLOADED: Duration = Duration::from_millis(100);
/// When to retry a shard without a leader, or one that could not become current.
const RETRY_UNAVAILABLE: Duration = Duration::from_millis(250);

/// A field of the request is invalid.
pub fn invalid(field: &str, description: &str) -> Status {
    let mut details = ErrorDetails::with_bad_request_violation(field, description);
    details.set_error_info("INVALID_ARGUMENT", DOMAIN, []);
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{field}: {description}"),
        details,
    )
}

/// A limit of the node is reached.
pub fn overloaded(why: &str) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(RETRY_OVERLOADED));
    details.set_error_info("OVERLOADED", DOMAIN, []);
    Status::with_error_details(Code::ResourceExhausted, why, details)
}

/// The request asks for more than one answer may cost. Repeating it does not help, so the status
/// has no retry time.
pub fn too_much(why: &str) -> Status {
    let details = ErrorDetails::with_error_info("TOO_MUCH", DOMAIN, []);
    Status::with_error_details(Code::ResourceExhausted, why, details)
}

/// The same operation is running already.
pub fn busy(why: &str) -> Status {
    let details = ErrorDetails::with_error_info("BUSY", DOMAIN, []);
    Status::with_error_details(Code::FailedPrecondition, why, details)
}

/// A shard takes no more events. To try again does not help.
pub fn sealed(why: &str) -> Status {
    let details = ErrorDetails::with_error_info("SEALED", DOMAIN, []);
    Status::with_error_details(Code::FailedPrecondition, why, details)
}

/// To be retried, here or on another node.
pub fn unavailable(reason: &str, why: &str) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(RETRY_UNAVAILABLE));
    details.set_error_info(reason, DOMAIN, []);
    Status::with_error_details(Code::Unavailable, why, details)
}

/// A read that failed.
impl From<ReadError> for Status {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Stale => unavailable("STALE", &error.to_string()),
            ReadError::Stopped => unavailable("STOPPING", &error.to_string()),
            ReadError::Changing => unavailable("CHANGING", &error.to_string()),
            ReadError::TooMuch => too_much(&error.to_string()),
            ReadError::Damaged(_) => {
                let details = ErrorDetails::with_error_info("DAMAGED", DOMAIN, []);
                Self::with_error_details(Code::DataLoss, error.to_string(), details)
            }
        }
    }
}

/// An entry that was not written.
impl From<ProposeError> for Status {
    fn from(error: ProposeError) -> Self {
        let reason = match error {
            ProposeError::NotLeader => "NOT_LEADER",
            ProposeError::Unknown(_) => "OUTCOME_UNKNOWN",
            ProposeError::Sealed(_) => return sealed(&error.to_string()),
        };
        unavailable(reason, &error.to_string())
    }
}

/// Settings that could not be changed.
impl From<UpdateError> for Status {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Refused(why) => invalid("settings", &why),
            UpdateError::Propose(error) => error.into(),
        }
    }
}
