//! openraft's type configuration, and the types in it.

use std::fmt;

use bytes::Bytes;
use openraft::impls::BasicNode;
use openraft_rt_tokio::TokioRuntime;
use serde::{Deserialize, Serialize};

use crate::store::checkpoint::{BaseInfo, CommitFigures};

openraft::declare_raft_types!(
    /// Raft as Homeroom uses it. A node id names one incarnation of a replica and is never used
    /// twice.
    pub TypeConfig:
        D = Proposal,
        R = Applied,
        NodeId = u64,
        Node = BasicNode,
        AsyncRuntime = TokioRuntime,
);

/// The payload of a log entry. Its bytes are opaque to Raft and to the log, and are never encoded
/// again.
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

/// The result of an entry for its proposer. Its bytes are opaque to Raft: what is replicated
/// encodes them, the proposer decodes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied(pub Bytes);

/// An entry that was committed and applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its index.
    pub index: u64,
    /// Term in which it was proposed.
    pub term: u64,
    /// Incarnation of the replica that proposed it.
    pub leader: u64,
    /// Its result.
    pub applied: Applied,
}

/// The outcome of a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointOutcome {
    /// Index of the group's durable position.
    pub index: Option<u64>,
    /// Size and duration of the write; `None` when nothing was new.
    pub figures: Option<CommitFigures>,
}

/// A base on disk.
pub type BaseSnapshot = BaseInfo;
/// The id of a log entry.
pub(super) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
/// The voters of a group, and the entry that set them.
pub type Membership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
