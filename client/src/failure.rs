//! The failure of one attempt: whether to retry, and whether the attempt may have changed anything.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The reasons of a node that is unavailable to a request and has written nothing of it.
const NOTHING_WRITTEN: [&str; 4] = ["NOT_LEADER", "OVERDUE", "SHARD_FAILED", "STARTING"];

/// A failed attempt at one node.
#[derive(Clone, Debug)]
pub struct Failure {
    endpoint: Arc<str>,
    status: Status,
}

impl Failure {
    pub(crate) fn new(endpoint: &Arc<str>, status: Status) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            status,
        }
    }

    /// The address of the node.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The node's answer, or the error of the connection.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whether a retry, here or at another node, may succeed.
    pub fn is_retryable(&self) -> bool {
        match self.status.code() {
            Code::Unavailable | Code::Aborted | Code::DeadlineExceeded => true,
            Code::ResourceExhausted => !self.asks_too_much(),
            // tonic also uses these three codes for a broken connection. From the node itself they
            // are final.
            Code::Unknown | Code::Internal | Code::Cancelled => self.is_transport(),
            _ => false,
        }
    }

    /// Whether the request certainly changed nothing. If not, its outcome is unknown: it may have
    /// been carried out, or may yet be.
    pub fn has_no_side_effects(&self) -> bool {
        if self.is_transport() {
            return self.could_not_connect();
        }
        if self.status.code() == Code::Unavailable {
            return self
                .reason()
                .is_some_and(|reason| NOTHING_WRITTEN.contains(&reason.as_str()));
        }
        matches!(
            self.status.code(),
            Code::ResourceExhausted
                | Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::OutOfRange
                | Code::NotFound
                | Code::Unimplemented
                | Code::PermissionDenied
                | Code::Unauthenticated
        )
    }

    /// Whether no connection could be opened.
    pub fn could_not_connect(&self) -> bool {
        causes(&self.status).any(|cause| cause.is::<tonic::ConnectError>())
    }

    /// Whether to try another node. A busy node is asked again.
    pub(crate) fn points_elsewhere(&self) -> bool {
        self.status.code() != Code::ResourceExhausted
    }

    /// Whether the request asks for more than one answer may cost, now and later.
    fn asks_too_much(&self) -> bool {
        self.reason().is_some_and(|reason| reason == "TOO_MUCH")
    }

    /// The reason by which programs tell a node's errors apart (`google.rpc.ErrorInfo`), for
    /// instance `NOT_LEADER` or `OUTCOME_UNKNOWN`.
    pub fn reason(&self) -> Option<String> {
        self.status.get_details_error_info().map(|info| info.reason)
    }

    /// The pause that the node asks for (`google.rpc.RetryInfo`).
    pub fn retry_after(&self) -> Option<Duration> {
        self.status.get_details_retry_info()?.retry_delay
    }

    /// Whether the connection failed: the error is then the source of the status. A status that a
    /// node returned has no source.
    fn is_transport(&self) -> bool {
        self.status.source().is_some()
    }
}

type Cause<'a> = &'a (dyn Error + 'static);

fn causes(status: &Status) -> impl Iterator<Item = Cause<'_>> {
    fn next<'a>(cause: &Cause<'a>) -> Option<Cause<'a>> {
        let cause: Cause<'a> = *cause;
        cause.source()
    }
    std::iter::successors(status.source(), next)
}

impl fmt::Display for Failure {
    /// One line: the node and the innermost cause.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.could_not_connect() {
            let cause = causes(&self.status).last();
            let cause = cause.map(ToString::to_string).unwrap_or_default();
            return write!(
                to,
                "cannot connect to {}: {}",
                self.endpoint,
                one_line(&cause)
            );
        }
        if self.is_transport() {
            let message = one_line(self.status.message());
            return write!(to, "the connection to {} broke: {message}", self.endpoint);
        }
        let message = match self.status.message() {
            "" => self.status.code().description(),
            message => message,
        };
        write!(
            to,
            "{} answered {:?}: {}",
            self.endpoint,
            self.status.code(),
            one_line(message)
        )
    }
}

impl Error for Failure {}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    fn failure(status: Status) -> Failure {
        Failure::new(&Arc::from("http://n:1"), status)
    }

    #[test]
    fn a_busy_node_is_asked_again_after_the_time_it_names() {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(250)));
        let status = Status::with_error_details(Code::ResourceExhausted, "full", details);
        let busy = failure(status);
        assert!(busy.is_retryable() && busy.has_no_side_effects() && !busy.points_elsewhere());
        assert_eq!(busy.retry_after(), Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_request_that_asks_too_much_is_not_repeated() {
        let details = ErrorDetails::with_error_info("TOO_MUCH", "homeroom", []);
        let status = Status::with_error_details(Code::ResourceExhausted, "too much", details);
        assert!(!failure(status).is_retryable());
    }

    #[test]
    fn only_some_reasons_prove_that_nothing_was_written() {
        for (reason, is_proof) in [
            ("NOT_LEADER", true),
            ("OVERDUE", true),
            ("OUTCOME_UNKNOWN", false),
            ("STOPPING", false),
        ] {
            let details = ErrorDetails::with_error_info(reason, "homeroom", []);
            let status = Status::with_error_details(Code::Unavailable, "not now", details);
            let failure = failure(status);
            assert!(failure.is_retryable(), "{reason}");
            assert_eq!(failure.has_no_side_effects(), is_proof, "{reason}");
            assert_eq!(failure.reason().as_deref(), Some(reason));
        }
        let plain = failure(Status::unavailable("by a proxy"));
        assert!(!plain.has_no_side_effects());
    }

    #[test]
    fn a_broken_connection_may_be_tried_again_but_leaves_the_outcome_unknown() {
        let broken = failure(Status::from_error("connection reset".into()));
        assert!(broken.is_retryable() && !broken.has_no_side_effects());
    }

    #[test]
    fn a_nodes_own_error_is_final_and_shown_in_one_line() {
        let own = failure(Status::internal("bad\n  thing"));
        assert!(!own.is_retryable());
        assert_eq!(own.to_string(), "http://n:1 answered Internal: bad thing");
    }
}
