//! The group's own record in each checkpoint and base, and its place in the log.

use std::{io, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::{
    log,
    types::{LogId, Membership},
};
use crate::store::{checkpoint::Position, log as store_log};

/// The group's own record in each checkpoint.
#[derive(Serialize, Deserialize)]
pub(super) struct StateRecord {
    pub membership: Membership,
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
}

impl StateRecord {
    /// Encodes the record in the newest of these versions.
    pub fn encode(&self, versions: &RangeInclusive<u8>) -> Vec<u8> {
        postcard::to_extend(self, vec![*versions.end()])
            .expect("serialising into memory does not fail")
    }

    pub fn decode(bytes: &[u8], versions: &RangeInclusive<u8>) -> io::Result<Self> {
        match bytes.split_first() {
            Some((version, body)) if versions.contains(version) => {
                postcard::from_bytes(body).map_err(io::Error::other)
            }
            _ => Err(io::Error::other("a state record of an unknown version")),
        }
    }
}

pub(super) fn to_log_id(position: Position) -> LogId {
    log::from_position(store_log::Position {
        leader: store_log::Leader {
            term: position.term,
            node: position.node,
        },
        index: position.index,
    })
}

pub(super) fn to_position(log_id: LogId) -> Position {
    let position = log::to_position(log_id);
    Position {
        term: position.leader.term,
        node: position.leader.node,
        index: position.index,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: RangeInclusive<u8> = 1..=4;

    #[test]
    fn records_of_builds_before_are_read_and_of_later_ones_refused() {
        let record = StateRecord {
            membership: Membership::default(),
            state: vec![7],
        };
        let mut bytes = record.encode(&VERSIONS);
        for version in 0..=5 {
            let is_read = (1..=4).contains(&version);
            bytes[0] = version;
            let state = StateRecord::decode(&bytes, &VERSIONS).map(|record| record.state);
            assert_eq!(state.ok(), is_read.then(|| vec![7]), "version {version}");
        }
    }
}
