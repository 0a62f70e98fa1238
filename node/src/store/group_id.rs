//! The number of a Raft group.

/// A Raft group on this node: the number of a shard; the control plane's group has the number after
/// the last shard.
pub type GroupId = u16;
