//! The control plane's replica on this node.

use std::sync::Arc;

use homeroom_core::{
    CHANGE_BYTES_MAX, Settings, SettingsChange,
    cluster::{ClusterCommand, ClusterState, Founded, Founding},
};
use tokio::sync::watch;

use super::machine::{ControlMachine, refusal};
use crate::{
    clock::LogClock,
    raft::{Group, GroupConfig, GroupResources, ProposeError, StartError},
    store::log::PAYLOAD_BYTES_MAX,
};

// A change fits into one entry of the log.
const _: () = assert!(CHANGE_BYTES_MAX as u64 + 1_024 <= PAYLOAD_BYTES_MAX);

/// The control plane's group and the cluster's state.
pub struct ControlPlane {
    group: Arc<Group<ControlMachine>>,
    state: watch::Receiver<Arc<ClusterState>>,
}

/// Settings were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A value is out of bounds.
    #[error("{0}")]
    Refused(String),
    /// The change was not committed.
    #[error(transparent)]
    Propose(#[from] ProposeError),
}

impl ControlPlane {
    /// Starts the replica, loads its state, and founds the cluster if it is new.
    ///
    /// # Errors
    /// When the state can't be read, or the group does not start.
    pub async fn start(
        config: GroupConfig,
        resources: GroupResources,
        clock: Arc<LogClock>,
        founding: Founding,
    ) -> Result<Self, StartError> {
        let (sender, state) = watch::channel(Arc::default());
        let machine = ControlMachine { state: sender };
        let group = Group::start(config.clone(), resources, clock, machine).await?;
        let plane = Self { group, state };
        let ready = match plane.group.ready().await {
            Ok(()) => plane.found(&config, founding).await,
            Err(error) => Err(error),
        };
        match ready {
            Ok(()) => Ok(plane),
            Err(error) => {
                plane.group.stop().await;
                Err(error)
            }
        }
    }

    async fn found(&self, config: &GroupConfig, founding: Founding) -> Result<(), StartError> {
        let mut state = self.state.clone();
        if !self.group.leadership().leads {
            // A follower learns of it from the log.
            tokio::select! {
                _ = state.wait_for(|state| state.founded.is_some()) => {}
                why = self.group.ended() => return Err(config.unreadable(why)),
            }
        }
        if self.state().founded.is_some() {
            return Ok(());
        }
        let entry = ClusterCommand::Found(founding).encode();
        let founded = self.group.propose(entry.into()).await;
        founded.map(drop).map_err(|error| config.unreadable(error))
    }

    /// The cluster's present state.
    pub fn state(&self) -> Arc<ClusterState> {
        Arc::clone(&self.state.borrow())
    }

    /// Receives every change of the state.
    pub fn states(&self) -> watch::Receiver<Arc<ClusterState>> {
        self.state.clone()
    }

    /// The founded cluster.
    pub fn founded(&self) -> Founded {
        self.state()
            .founded
            .clone()
            .expect("a node starts serving after its cluster is founded")
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.founded().settings
    }

    /// Changes the cluster's settings. A change that is out of bounds does not reach the log.
    ///
    /// # Errors
    /// When a value is out of bounds, or the change was not committed.
    pub async fn update(&self, change: SettingsChange) -> Result<Settings, UpdateError> {
        let changed = self.settings().changed(&change);
        changed.map_err(|error| UpdateError::Refused(error.to_string()))?;
        let command = ClusterCommand::Change(change).encode();
        let written = self.group.propose(command.into()).await?;
        refusal(&written.applied).map_or_else(
            || Ok(self.settings()),
            |reason| Err(UpdateError::Refused(reason)),
        )
    }

    /// Its Raft group.
    pub fn group(&self) -> &Arc<Group<ControlMachine>> {
        &self.group
    }
}
