//! The state of the cluster, as the control plane replicates it.

use serde::{Deserialize, Serialize};

use super::command::{ClusterCommand, Founding, Member};
use crate::{EntryHash, Settings, SettingsError, settings};

/// The state of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// `None` until the cluster is founded.
    pub founded: Option<Founded>,
    /// Over all entries so far.
    pub entry_hash: EntryHash,
}

/// A founded cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    /// Chosen at founding. Every request between nodes carries it.
    pub cluster_id: String,
    /// The nodes.
    pub members: Vec<Member>,
    /// Indexed by the shard's number.
    pub shards: Vec<ShardPlacement>,
    /// The next free incarnation id. It only grows, so that no id is used twice.
    pub next_incarnation: u64,
    /// The settings in force.
    #[serde(with = "settings::versioned")]
    pub settings: Settings,
}

/// The replicas of one shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPlacement {
    /// Grows with each change.
    pub epoch: u64,
    /// Incarnation and node of each replica.
    pub replicas: Vec<(u64, u64)>,
}

impl ClusterState {
    /// Applies the entry at an index; `bytes` are the command as the log has it.
    ///
    /// # Errors
    /// The reason why the entry changes nothing but the hash, for the proposer to read.
    pub fn apply(
        &mut self,
        index: u64,
        bytes: &[u8],
        command: ClusterCommand,
    ) -> Result<(), String> {
        let applied = self.carry_out(command);
        self.entry_hash.begin(index, bytes);
        let founded = self.founded.as_ref();
        let figures = founded.map_or([0; 2], |it| [it.settings.version, it.next_incarnation]);
        self.entry_hash.add_figures(&figures);
        self.entry_hash.add_figures(&[applied.is_ok().into()]);
        applied
    }

    fn carry_out(&mut self, command: ClusterCommand) -> Result<(), String> {
        match (command, &mut self.founded) {
            (ClusterCommand::Found(_), Some(_)) => Err("the cluster is founded already".to_owned()),
            (ClusterCommand::Found(founding), founded @ None) => {
                *founded = Some(Founded::new(founding));
                Ok(())
            }
            (_, None) => Err("the cluster is not founded yet".to_owned()),
            (ClusterCommand::Change(change), Some(founded)) => {
                founded.adopt(founded.settings.changed(&change))
            }
            (ClusterCommand::ChangeBefore(change), Some(founded)) => {
                founded.adopt(founded.settings.changed_as_before(&change))
            }
        }
    }
}

impl Founded {
    /// Places one replica of each shard on the founder. Incarnation 1 is the control plane's own
    /// replica.
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

    fn adopt(&mut self, changed: Result<Settings, SettingsError>) -> Result<(), String> {
        self.settings = changed.map_err(|error| error.to_string())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SettingsChange;

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

    fn apply(state: &mut ClusterState, command: ClusterCommand) -> Result<(), String> {
        let index = state.entry_hash.index() + 1;
        state.apply(index, &command.encode(), command)
    }

    #[test]
    fn a_cluster_is_founded_once_and_every_replica_has_an_incarnation_of_its_own() {
        let mut state = ClusterState::default();
        assert!(
            apply(
                &mut state,
                ClusterCommand::Change(SettingsChange::default())
            )
            .is_err()
        );
        apply(&mut state, ClusterCommand::Found(founding())).unwrap();
        assert!(apply(&mut state, ClusterCommand::Found(founding())).is_err());
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
        apply(&mut state, ClusterCommand::Found(founding())).unwrap();
        let before = state.founded.clone();
        let change = SettingsChange {
            retention_ms: Some(1),
            ..SettingsChange::default()
        };
        assert!(apply(&mut state, ClusterCommand::Change(change)).is_err());
        assert_eq!(state.founded, before);
    }

    #[test]
    fn the_hash_covers_refused_entries_too() {
        let mut state = ClusterState::default();
        apply(&mut state, ClusterCommand::Found(founding())).unwrap();
        let mut other = state.clone();
        assert_eq!(other.entry_hash, state.entry_hash);
        assert!(apply(&mut other, ClusterCommand::Found(founding())).is_err());
        assert_ne!(other.entry_hash, state.entry_hash);
        assert_eq!((state.entry_hash.index(), other.entry_hash.index()), (1, 2));
    }

    #[test]
    fn a_state_of_the_build_before_has_no_hash() {
        let state = ClusterState {
            founded: Some(Founded::new(founding())),
            ..ClusterState::default()
        };
        let mut before = state.encode();
        // Value, index, and the first entry that the hash covers.
        assert_eq!(before.split_off(before.len() - 4), [0, 0, 1, 0]);
        before[0] = 2;
        let read = ClusterState::decode(&before).unwrap();
        assert_eq!(read.founded, state.founded);
        assert_eq!(read.entry_hash.since_index(), None);
    }
}
