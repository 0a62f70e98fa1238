//! Errors of commands.

use std::io;

use homeroom_client::{CallError, EndpointError, Failure, PublishError, Tally};
use thiserror::Error;

use crate::{ingest::IngestErrorKind, load::LoadError};

/// The error of a command, shown in one line that says what to do.
#[derive(Debug, Error)]
pub(super) enum CliError {
    #[error("{call}{doubt}{hint}", call = .0, doubt = doubt(.0), hint = hint(.0.failure()))]
    Call(#[from] CallError),
    #[error("{0}")]
    Endpoint(#[from] EndpointError),
    #[error("{}", ingest_message(.tally, .kind))]
    Ingest {
        tally: Box<Tally>,
        kind: IngestErrorKind,
    },
    #[error("cannot open {path}: {error}")]
    Open { path: String, error: io::Error },
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error(
        "discard takes --source, --reason, --from or --to, or --all to forget every dead letter"
    )]
    NoFilter,
    #[error(
        "{not_taken} dead letters were not taken, for want of room or because the node is stopping, and stay; of {unknown} the outcome is unknown; run it again"
    )]
    NotAllTaken { not_taken: u64, unknown: u64 },
    #[error("no such learner: {0}")]
    NoSuchLearner(String),
    #[error("no such course: {0}")]
    NoSuchCourse(String),
    #[error("not healthy: warnings {warnings}, faults {faults}")]
    Unhealthy { warnings: usize, faults: usize },
    #[error(
        "not a clean run: {errors} errors, {unacknowledged} events without an outcome, {unknown} of them unknown{}",
        first.as_ref().map(|first| format!("; first: {first}")).unwrap_or_default()
    )]
    Load {
        errors: u64,
        unacknowledged: u64,
        unknown: u64,
        first: Option<String>,
    },
    #[error("--seen counts all learners, those who are active too: at least as many as --learners")]
    FewerSeen,
    #[error("interrupted, before everything sent was acknowledged")]
    Interrupted,
}

impl CliError {
    /// The reader of standard output has closed it: not a failure.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Endpoint(_) | Self::NoFilter | Self::FewerSeen => 2,
            _ => 1,
        }
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Call(error) => Self::Call(error),
            LoadError::Endpoint(error) => Self::Endpoint(error),
            LoadError::Io(error) => Self::Io(error),
        }
    }
}

/// A node that answers so says that the outcome is unknown; a broken connection does not.
fn doubt(call: &CallError) -> &'static str {
    let is_said = call.failure().and_then(Failure::reason).is_some();
    if !is_said && is_change(call) && !call.has_no_side_effects() {
        return "; the outcome is unknown: it may be done or not, and asking again is safe";
    }
    ""
}

/// Whether the call changes anything.
fn is_change(call: &CallError) -> bool {
    const CHANGES: [&str; 4] = ["Publish", "UpdateSettings", "Redrive", "Discard"];
    match call {
        CallError::Refused { operation, .. } | CallError::TimedOut { operation, .. } => {
            CHANGES.contains(operation)
        }
        CallError::BrokeOff { .. } | CallError::Position(_) => false,
    }
}

fn hint(failure: Option<&Failure>) -> &'static str {
    match failure {
        Some(failure) if failure.could_not_connect() => {
            "; is a node running there? Name another with --endpoint"
        }
        Some(failure) if failure.is_retryable() => "; try again later",
        _ => "",
    }
}

fn ingest_message(tally: &Tally, kind: &IngestErrorKind) -> String {
    let acknowledged = tally.received();
    match kind {
        IngestErrorKind::Publish(error) => {
            let hint = match error {
                PublishError::NoProgress { last, .. } => hint(last.as_ref()),
                _ => "",
            };
            format!(
                "ingest stopped after {acknowledged} acknowledged events, {unknown} more may or may not be stored: \
                 {error}{hint}; run the same command again once that is solved, what was taken is then counted as \
                 duplicate",
                unknown = tally.unknown,
            )
        }
        IngestErrorKind::Input(error) => {
            format!("{error}; the {acknowledged} events before that are taken")
        }
    }
}
