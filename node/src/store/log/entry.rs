//! The log's data types: positions, votes, entries.

use bytes::Bytes;

pub use crate::store::group_id::GroupId;

/// The number of a segment file. Numbers only grow; the number of a used segment is never used
/// again.
pub type SegmentId = u64;

/// A leader: the proposer of an entry, or the candidate of a vote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leader {
    /// Raft term.
    pub term: u64,
    /// The leader's replica incarnation.
    pub node: u64,
}

/// The place of an entry in its group's log, with the leader that proposed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The leader that proposed the entry.
    pub leader: Leader,
    /// Index in the group's log.
    pub index: u64,
}

/// A group's vote, as it was last saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vote {
    /// The candidate.
    pub leader: Leader,
    /// Whether a quorum has granted it.
    pub committed: bool,
}

/// One entry of one group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in the group's log.
    pub position: Position,
    /// The kind of payload: the caller's own number, stored unchanged.
    pub tag: u8,
    /// The caller's bytes, stored unchanged; at most
    /// [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX).
    pub payload: Bytes,
}

/// State of a group's log, without its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// The newest saved vote.
    pub vote: Option<Vote>,
    /// The newest saved committed position; after a crash it may be an older one.
    pub committed: Option<Position>,
    /// All entries up to this one were purged.
    pub purged: Option<Position>,
    /// The last entry, or the purged position if there is no entry.
    pub last: Option<Position>,
}

/// Disk space that a group's live entries take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupUsage {
    /// Entries that were neither purged nor truncated.
    pub entries: u64,
    /// Bytes of their records.
    pub bytes: u64,
    /// The oldest segment that this group's live entries keep from deletion.
    pub oldest_segment: Option<SegmentId>,
}
