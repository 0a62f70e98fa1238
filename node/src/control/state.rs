//! What the control plane knows, and the entries that change it. Pure: the same entries give the same state everywhere.

use homeroom_core::{Settings, SettingsChange};
use serde::{Deserialize, Serialize};

/// Version of the encodings of state and commands.
const VERSION: u8 = 1;

/// The cluster as the control plane knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// `None` until the cluster is founded.
    pub founded: Option<Founded>,
}

/// A founded cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    /// Chosen at founding; every request between nodes carries it.
    pub cluster_id: String,
    /// The nodes.
    pub members: Vec<Member>,
    /// By number of the shard.
    pub shards: Vec<ShardPlacement>,
    /// Counts up; an incarnation's id is never given out twice.
    pub next_incarnation: u64,
    /// The settings in force.
    pub settings: Settings,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub node_id: u64,
    /// Where it is reached.
    pub address: String,
}

/// Where a shard's replicas are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPlacement {
    /// Counts up with each change.
    pub epoch: u64,
    /// Incarnation and node of each replica.
    pub replicas: Vec<(u64, u64)>,
}

/// What a cluster is founded with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    /// Its id.
    pub cluster_id: String,
    /// How many shards it will always have.
    pub shards: u16,
    /// The founding node.
    pub founder: Member,
    /// The settings it begins with.
    pub settings: Settings,
}

/// An entry of the control plane's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Founds the cluster; refused when it is founded already.
    Found(Founding),
    /// Changes settings.
    Change(SettingsChange),
}

/// The bytes are of a newer build, or damaged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an encoding of the control plane that this build does not know")]
pub struct UnknownEncoding;

impl ClusterState {
    /// Applies an entry.
    ///
    /// # Errors
    /// Why the entry changes nothing, in words for whoever proposed it.
    pub fn apply(&mut self, command: Command) -> Result<(), String> {
        match (command, &mut self.founded) {
            (Command::Found(_), Some(_)) => Err("the cluster is founded already".to_owned()),
            (Command::Found(founding), founded @ None) => {
                *founded = Some(Founded::new(founding));
                Ok(())
            }
            (Command::Change(_), None) => Err("the cluster is not founded yet".to_owned()),
            (Command::Change(change), Some(founded)) => {
                founded.settings = founded
                    .settings
                    .changed(&change)
                    .map_err(|error| error.to_string())?;
                Ok(())
            }
        }
    }

    /// The versioned encoding.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged or of a newer build.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownEncoding> {
        decode(bytes)
    }
}

impl Command {
    /// The versioned encoding.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged or of a newer build.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownEncoding> {
        decode(bytes)
    }
}

impl Founded {
    /// One replica for each shard, all on the founder. Incarnation 1 is the control plane's own replica.
    fn new(founding: Founding) -> Self {
        let first = 2;
        let shards = u64::from(founding.shards);
        let place = |incarnation| ShardPlacement {
            epoch: 1,
            replicas: vec![(incarnation, founding.founder.node_id)],
        };
        Self {
            shards: (first..first + shards).map(place).collect(),
            next_incarnation: first + shards,
            cluster_id: founding.cluster_id,
            members: vec![founding.founder],
            settings: founding.settings,
        }
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION]).expect("serialising into memory does not fail")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, UnknownEncoding> {
    match bytes.split_first() {
        Some((&VERSION, body)) => postcard::from_bytes(body).map_err(|_| UnknownEncoding),
        _ => Err(UnknownEncoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn founding() -> Founding {
        Founding {
            cluster_id: "c".to_owned(),
            shards: 4,
            founder: Member {
                node_id: 1,
                address: "a".to_owned(),
            },
            settings: Settings::default(),
        }
    }

    #[test]
    fn a_cluster_is_founded_once_and_every_replica_has_an_incarnation_of_its_own() {
        let mut state = ClusterState::default();
        assert!(
            state
                .apply(Command::Change(SettingsChange::default()))
                .is_err()
        );
        state.apply(Command::Found(founding())).unwrap();
        assert!(state.apply(Command::Found(founding())).is_err());
        let founded = state.founded.clone().unwrap();
        let mut incarnations: Vec<u64> = founded
            .shards
            .iter()
            .flat_map(|shard| &shard.replicas)
            .map(|(id, _)| *id)
            .collect();
        incarnations.dedup();
        assert_eq!(incarnations, [2, 3, 4, 5]);
        assert_eq!(founded.next_incarnation, 6);
        assert_eq!(ClusterState::decode(&state.encode()), Ok(state));
    }

    #[test]
    fn a_setting_out_of_bounds_changes_nothing() {
        let mut state = ClusterState::default();
        state.apply(Command::Found(founding())).unwrap();
        let before = state.clone();
        let change = SettingsChange {
            retention_ms: Some(1),
            ..SettingsChange::default()
        };
        assert!(state.apply(Command::Change(change)).is_err());
        assert_eq!(state, before);
    }
}
