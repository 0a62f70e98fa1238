//! Bugs that can be put back, to prove that the checks find them. All of them are in the
//! simulation's own parts, so that the node's code knows none.

/// A known bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A leader acknowledges what is in its own log only.
    AckBeforeCommit,
    /// A checkpoint does not wait until the log is flushed past it.
    CheckpointAheadOfLog,
    /// Entries are stamped with the leader's wall clock.
    LogTimeFromWall,
    /// One replica leaves out an event.
    ApplyDiffers,
    /// A restarted replica has an older vote than the one that it gave.
    ForgottenVote,
}

impl Bug {
    pub const ALL: [Self; 5] = [
        Self::AckBeforeCommit,
        Self::CheckpointAheadOfLog,
        Self::LogTimeFromWall,
        Self::ApplyDiffers,
        Self::ForgottenVote,
    ];

    /// As in `HOMEROOM_SIMULATION_BUG`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AckBeforeCommit => "ack-before-commit",
            Self::CheckpointAheadOfLog => "checkpoint-ahead-of-log",
            Self::LogTimeFromWall => "log-time-from-wall",
            Self::ApplyDiffers => "apply-differs",
            Self::ForgottenVote => "forgotten-vote",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}
