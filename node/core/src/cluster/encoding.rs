//! The versioned encodings of state and commands.

use serde::{Deserialize, Serialize};

use super::{
    command::{ClusterCommand, Founding, Member},
    state::{ClusterState, Founded, ShardPlacement},
};
use crate::{
    DecodeError, EntryHash,
    settings::{ChangeBefore, SettingsBefore},
    wire,
};

/// Version of the encoding of commands: settings carry a version of their own.
const COMMAND_VERSION: u8 = 2;
/// Version of the encoding of the state, with the entry hash.
const STATE_VERSION: u8 = 3;
/// The version of the state before, without the entry hash.
const WITHOUT_HASH: u8 = 2;
/// The version of both whose settings have no version of their own.
const BEFORE: u8 = 1;

impl ClusterCommand {
    /// The versioned encoding.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(COMMAND_VERSION, self)
    }

    /// Reads what [`Self::encode`] wrote, in this build or in the one before.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.first() == Some(&BEFORE) {
            return Ok(wire::decode::<CommandBefore>(BEFORE, bytes)?.into());
        }
        wire::decode(COMMAND_VERSION, bytes)
    }
}

impl ClusterState {
    /// The versioned encoding.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(STATE_VERSION, self)
    }

    /// Reads what [`Self::encode`] wrote, in this build or in an earlier one.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.first() {
            Some(&BEFORE) => Ok(wire::decode::<StateBefore>(BEFORE, bytes)?.into()),
            Some(&WITHOUT_HASH) => {
                Ok(wire::decode::<StateWithoutHash>(WITHOUT_HASH, bytes)?.into())
            }
            _ => wire::decode(STATE_VERSION, bytes),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum CommandBefore {
    Found(FoundingBefore),
    Change(ChangeBefore),
}

#[derive(Serialize, Deserialize)]
struct FoundingBefore {
    cluster_id: String,
    shards: u16,
    founder: Member,
    settings: SettingsBefore,
}

#[derive(Serialize, Deserialize)]
struct StateWithoutHash {
    founded: Option<Founded>,
}

#[derive(Serialize, Deserialize)]
struct StateBefore {
    founded: Option<FoundedBefore>,
}

#[derive(Serialize, Deserialize)]
struct FoundedBefore {
    cluster_id: String,
    members: Vec<Member>,
    shards: Vec<ShardPlacement>,
    next_incarnation: u64,
    settings: SettingsBefore,
}

impl From<CommandBefore> for ClusterCommand {
    fn from(it: CommandBefore) -> Self {
        match it {
            CommandBefore::Found(founding) => Self::Found(Founding {
                cluster_id: founding.cluster_id,
                shards: founding.shards,
                founder: founding.founder,
                settings: founding.settings.into(),
            }),
            CommandBefore::Change(change) => Self::ChangeBefore(change.into()),
        }
    }
}

impl From<StateBefore> for ClusterState {
    fn from(it: StateBefore) -> Self {
        let founded = it.founded.map(|founded| Founded {
            cluster_id: founded.cluster_id,
            members: founded.members,
            shards: founded.shards,
            next_incarnation: founded.next_incarnation,
            settings: founded.settings.into(),
        });
        StateWithoutHash { founded }.into()
    }
}

impl From<StateWithoutHash> for ClusterState {
    fn from(it: StateWithoutHash) -> Self {
        Self {
            founded: it.founded,
            entry_hash: EntryHash::unknown(),
        }
    }
}
