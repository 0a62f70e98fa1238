//! The words of the log: groups, positions, votes, entries.

use bytes::Bytes;

pub use crate::store::group_id::GroupId;

/// One segment file. Numbers grow with time; one of a segment that was in use is not used again.
pub type SegmentId = u64;

/// The leader that proposed an entry, or whom a vote is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leader {
    /// Raft term.
    pub term: u64,
    /// The leader's replica incarnation.
    pub node: u64,
}

/// Where an entry stands in its group's log, and who put it there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Who proposed the entry.
    pub leader: Leader,
    /// Index in the group's log.
    pub index: u64,
}

/// A vote, as a group last saved it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vote {
    /// Whom the vote is for.
    pub leader: Leader,
    /// Whether a quorum has granted it.
    pub committed: bool,
}

/// One entry of one group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it stands.
    pub position: Position,
    /// What kind of payload it carries: the caller's own number, kept as it is.
    pub tag: u8,
    /// The caller's bytes, kept as they are; at most
    /// [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX).
    pub payload: Bytes,
}

/// What a group's log holds, apart from the entries themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// The vote saved last.
    pub vote: Option<Vote>,
    /// The committed position saved last; after a crash an older one may come back.
    pub committed: Option<Position>,
    /// Entries up to here, inclusive, were purged.
    pub purged: Option<Position>,
    /// The last entry present, or the purged position when there is none.
    pub last: Option<Position>,
}

/// What a group's live entries cost the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupUsage {
    /// Entries neither purged nor truncated.
    pub entries: u64,
    /// Bytes of their records.
    pub bytes: u64,
    /// The oldest segment that can't be deleted because this group has live entries in it.
    pub oldest_segment: Option<SegmentId>,
}
