//! The versioned encodings of state and commands.

use serde::{Deserialize, Serialize};

use super::{
    command::{ClusterCommand, Founding, Member},
    state::{ClusterState, Founded, ShardPlacement},
};
use crate::{
    DecodeError,
    settings::{ChangeBefore, SettingsBefore},
    wire,
};

/// Version of the encodings of state and commands: settings carry a version of their own.
const CLUSTER_VERSION: u8 = 2;
/// The version before, whose settings have no version of their own.
const BEFORE: u8 = 1;

impl ClusterCommand {
    /// The versioned encoding.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(CLUSTER_VERSION, self)
    }

    /// Reads what [`Self::encode`] wrote, in this build or in the one before.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.first() == Some(&BEFORE) {
            return Ok(wire::decode::<CommandBefore>(BEFORE, bytes)?.into());
        }
        wire::decode(CLUSTER_VERSION, bytes)
    }
}

impl ClusterState {
    /// The versioned encoding.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(CLUSTER_VERSION, self)
    }

    /// Reads what [`Self::encode`] wrote, in this build or in the one before.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.first() == Some(&BEFORE) {
            return Ok(wire::decode::<StateBefore>(BEFORE, bytes)?.into());
        }
        wire::decode(CLUSTER_VERSION, bytes)
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
        Self { founded }
    }
}
