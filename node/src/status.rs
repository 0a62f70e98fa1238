//! The gRPC status and details of every refusal, in one place.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{control::UpdateError, raft::ProposeError, shard::ReadError};

/// The domain of all [`google.rpc.ErrorInfo`] reasons.
const DOMAIN: &str = "homeroom";
/// The reason of an error after which what was asked for may or may not be done, and may yet be.
/// Asking again is safe.
pub const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";
/// The reason of an error of a shard that this node does not lead: nothing was written.
pub const NOT_LEADER: &str = "NOT_LEADER";
/// The reason of an error of a shard whose replica on this node has ended by itself.
pub const SHARD_FAILED: &str = "SHARD_FAILED";
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
            ReadError::Failed(_) => unavailable(SHARD_FAILED, &error.to_string()),
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
            ProposeError::NotLeader => NOT_LEADER,
            ProposeError::Unknown(_) => OUTCOME_UNKNOWN,
            ProposeError::Sealed(_) => return sealed(&error.to_string()),
        };
        let what_to_do = match error {
            ProposeError::Unknown(_) => {
                "; the change may or may not be made, and it is safe to ask for it again"
            }
            _ => "; nothing was written",
        };
        unavailable(reason, &format!("{error}{what_to_do}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_unknown_outcome_is_told_apart_from_one_that_was_not_made() {
        let unknown = ProposeError::Unknown("no outcome within the deadline".to_owned());
        for (error, reason, words) in [
            (unknown, OUTCOME_UNKNOWN, "safe to ask for it again"),
            (ProposeError::NotLeader, NOT_LEADER, "nothing was written"),
        ] {
            let status = Status::from(UpdateError::Propose(error));
            assert_eq!(status.code(), Code::Unavailable);
            let info = status.get_details_error_info().expect("a reason");
            assert_eq!(
                (info.reason.as_str(), info.domain.as_str()),
                (reason, DOMAIN)
            );
            assert!(status.get_details_retry_info().is_some(), "{reason}");
            assert!(status.message().contains(words), "{status:?}");
        }
    }
}
