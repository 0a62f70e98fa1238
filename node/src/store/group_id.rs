//! The number of a Raft group.

/// A Raft group on this node: a shard by its number, or the control plane, whose number follows the
/// last shard's.
pub type GroupId = u16;
