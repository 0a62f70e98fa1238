//! Converts openraft's entries, votes and log ids to the log's own and back.

use std::io;

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::Membership;
use openraft::impls::BasicNode;
use openraft::type_config::alias::{EntryOf, LeaderIdOf, LogIdOf, VoteOf};

use crate::raft::types::{Proposal, TypeConfig};
use crate::store::log::{Leader, LogEntry, Position, Vote};

/// An entry without payload, written by a new leader.
const TAG_BLANK: u8 = 1;
/// A proposal; the payload is the proposal's bytes.
const TAG_NORMAL: u8 = 2;
/// A membership; the payload is a version byte, then the membership in postcard.
const TAG_MEMBERSHIP: u8 = 3;

const MEMBERSHIP_VERSION: u8 = 1;

pub(in crate::raft) fn encode_entry(entry: EntryOf<TypeConfig>) -> io::Result<LogEntry> {
    let position = to_position(entry.log_id);
    let (tag, payload) = match entry.payload {
        EntryPayload::Blank => (TAG_BLANK, Bytes::new()),
        EntryPayload::Normal(Proposal(bytes)) => (TAG_NORMAL, bytes),
        EntryPayload::Membership(membership) => {
            let bytes = postcard::to_extend(&membership, vec![MEMBERSHIP_VERSION])
                .map_err(io::Error::other)?;
            (TAG_MEMBERSHIP, bytes.into())
        }
    };
    Ok(LogEntry {
        position,
        tag,
        payload,
    })
}

pub(in crate::raft) fn decode_entry(entry: LogEntry) -> io::Result<EntryOf<TypeConfig>> {
    let LogEntry {
        position,
        tag,
        payload,
    } = entry;
    let payload = match tag {
        TAG_BLANK => EntryPayload::Blank,
        TAG_NORMAL => EntryPayload::Normal(Proposal(payload)),
        TAG_MEMBERSHIP => EntryPayload::Membership(decode_membership(&payload)?),
        _ => {
            return Err(unknown(format!(
                "entry {} is of the unknown kind {tag}",
                position.index
            )));
        }
    };
    Ok(openraft::Entry {
        log_id: from_position(position),
        payload,
    })
}

fn decode_membership(bytes: &[u8]) -> io::Result<Membership<u64, BasicNode>> {
    match bytes.split_first() {
        Some((&MEMBERSHIP_VERSION, membership)) => postcard::from_bytes(membership)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        version => Err(unknown(format!(
            "a membership is of the unknown version {:?}",
            version.map(|(first, _)| first)
        ))),
    }
}

pub(in crate::raft) fn to_position(log_id: LogIdOf<TypeConfig>) -> Position {
    let leader = Leader {
        term: log_id.leader_id.term,
        node: log_id.leader_id.node_id,
    };
    Position {
        leader,
        index: log_id.index,
    }
}

pub(in crate::raft) fn from_position(position: Position) -> LogIdOf<TypeConfig> {
    LogIdOf::<TypeConfig>::new(from_leader(position.leader), position.index)
}

pub(in crate::raft) fn to_vote(vote: &VoteOf<TypeConfig>) -> Vote {
    let leader = Leader {
        term: vote.leader_id.term,
        node: vote.leader_id.node_id,
    };
    Vote {
        leader,
        committed: vote.committed,
    }
}

pub(in crate::raft) fn from_vote(vote: Vote) -> VoteOf<TypeConfig> {
    VoteOf::<TypeConfig> {
        leader_id: from_leader(vote.leader),
        committed: vote.committed,
    }
}

fn from_leader(leader: Leader) -> LeaderIdOf<TypeConfig> {
    LeaderIdOf::<TypeConfig> {
        term: leader.term,
        node_id: leader.node,
    }
}

fn unknown(what: String) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        what + ": a newer build wrote it",
    )
}
