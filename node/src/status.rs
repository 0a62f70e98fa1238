//! Every refusal's status code and details, in one place.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{control::UpdateError, raft::ProposeError, shard::ReadError};

/// The domain of this system's [`google.rpc.ErrorInfo`] reasons.
const DOMAIN: &str = "homeroom";
/// When to come back to a node that has too much to do.
const RETRY_OVERLOADED: Duration = Duration::from_millis(100);
/// When to come back to a shard that has no leader or could not become current.
const RETRY_UNAVAILABLE: Duration = Duration::from_millis(250);

/// A field of the request is not as it must be.
pub fn invalid(field: &str, description: &str) -> Status {
    let mut details = ErrorDetails::with_bad_request_violation(field, description);
    details.set_error_info("INVALID_ARGUMENT", DOMAIN, []);
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{field}: {description}"),
        details,
    )
}

/// The node has as much to do as it may.
pub fn overloaded(why: &str) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(RETRY_OVERLOADED));
    details.set_error_info("OVERLOADED", DOMAIN, []);
    Status::with_error_details(Code::ResourceExhausted, why, details)
}

/// The same is being done already.
pub fn busy(why: &str) -> Status {
    let details = ErrorDetails::with_error_info("BUSY", DOMAIN, []);
    Status::with_error_details(Code::FailedPrecondition, why, details)
}

/// Come back later, or ask another node.
pub fn unavailable(reason: &str, why: &str) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(RETRY_UNAVAILABLE));
    details.set_error_info(reason, DOMAIN, []);
    Status::with_error_details(Code::Unavailable, why, details)
}

/// A read without an answer.
impl From<ReadError> for Status {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Stale => unavailable("STALE", &error.to_string()),
            ReadError::Stopped => unavailable("STOPPING", &error.to_string()),
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
            ProposeError::Stopped(_) => "STOPPING",
        };
        unavailable(reason, &error.to_string())
    }
}

/// Settings that were not changed.
impl From<UpdateError> for Status {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Refused(why) => invalid("settings", &why),
            UpdateError::Propose(error) => error.into(),
        }
    }
}
