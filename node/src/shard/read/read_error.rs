//! Why a read has no answer, and how long it tries.

use std::{sync::Arc, time::Duration};

/// How long a read waits for its consistency before it is answered with less, or refused.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(2);
/// Attempts of a read whose learner stops, or is stored, meanwhile.
pub(super) const LOOKUPS_MAX: usize = 8;

/// A read has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The requested consistency was not met in time, and the caller refuses less.
    #[error("the asked consistency was not met within {WAIT_MAX:?}")]
    Stale,
    /// The learner's stored state can't be read.
    #[error("the learner's stored state can't be read: {0}")]
    Damaged(String),
    /// The answer would take more work or memory than a query has.
    #[error(
        "too much for one query: ask for smaller windows, for one course, or with a later `from`"
    )]
    TooMuch,
    /// The learner changed each time while it was read.
    #[error("the learner changes too fast to be read")]
    Changing,
    /// The shard's replica on this node has ended by itself; the reason.
    #[error("the shard's replica on this node has failed: {0}")]
    Failed(Arc<str>),
    /// The shard is stopping.
    #[error("the shard is stopping")]
    Stopped,
}
