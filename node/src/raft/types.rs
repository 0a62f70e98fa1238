//! The types openraft is instantiated with.

use std::fmt;

use bytes::Bytes;
use openraft::impls::BasicNode;
use openraft_rt_tokio::TokioRuntime;
use serde::{Deserialize, Serialize};

use crate::store::checkpoint::CommitFigures;

openraft::declare_raft_types!(
    /// Raft as Homeroom uses it; a node id names one incarnation of a replica and is never used twice.
    pub TypeConfig:
        D = Proposal,
        R = Applied,
        NodeId = u64,
        Node = BasicNode,
        AsyncRuntime = TokioRuntime,
);

/// The body of a log entry. Its bytes are opaque to Raft and to the log, and are never re-encoded on the way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal(pub Bytes);

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What applying an entry answers to its proposer. Opaque to Raft: what is replicated writes it, its proposer reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied(pub Bytes);

/// What a checkpoint came to.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointOutcome {
    /// The group's durable position, as an index.
    pub index: Option<u64>,
    /// What writing took; `None` when nothing was new.
    pub figures: Option<CommitFigures>,
}

/// The id of a log entry.
pub(super) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
/// Who has a say in a group, and since which entry.
pub type Membership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
