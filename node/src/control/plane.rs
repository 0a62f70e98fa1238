//! The control plane's replica on this node.

use std::sync::Arc;

use homeroom_core::{
    Settings, SettingsChange,
    cluster::{ClusterCommand, ClusterState, Founded, Founding},
};
use tokio::sync::watch;

use super::machine::{ControlMachine, refusal};
use crate::{
    raft::{Group, GroupConfig, GroupResources, ProposeError, StartError},
    store::checkpoint::Position,
};

/// The group that knows the cluster.
pub struct ControlPlane {
    group: Arc<Group<ControlMachine>>,
    state: watch::Receiver<Arc<ClusterState>>,
}

/// Settings were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A value is outside its bounds.
    #[error("{0}")]
    Refused(String),
    /// The control plane did not take the change.
    #[error(transparent)]
    Propose(#[from] ProposeError),
}

impl ControlPlane {
    /// Starts the replica from its recovered state; founds the cluster if that has not been done.
    ///
    /// # Errors
    /// When the state can't be read, or the group does not start.
    pub async fn start(
        config: GroupConfig,
        resources: GroupResources,
        recovered: Option<Position>,
        founding: Founding,
    ) -> Result<Self, StartError> {
        let name = config.name.clone();
        let failed = |error: String| StartError::State {
            group: name.clone(),
            error: std::io::Error::other(error),
        };
        let (state, membership) = match recovered {
            Some(_) => {
                let meta = resources
                    .store
                    .meta(config.id)
                    .map_err(|error| failed(error.to_string()))?;
                let meta = meta.ok_or_else(|| failed("its checkpoint has no state".to_owned()))?;
                let (membership, own) = Group::<ControlMachine>::decode_state(&meta.bytes)
                    .map_err(|error| failed(error.to_string()))?;
                let state =
                    ClusterState::decode(&own).map_err(|error| failed(error.to_string()))?;
                (state, Some(membership))
            }
            None => (ClusterState::default(), None),
        };
        let (sender, state) = watch::channel(Arc::new(state));
        let machine = ControlMachine { state: sender };
        let group = Group::start(config, resources, recovered, membership, machine).await?;
        let plane = Self { group, state };
        if plane.state().founded.is_none() {
            let entry = ClusterCommand::Found(founding).encode();
            plane
                .group
                .propose(entry.into())
                .await
                .map_err(|error| failed(error.to_string()))?;
        }
        Ok(plane)
    }

    /// The cluster as it is known now.
    pub fn state(&self) -> Arc<ClusterState> {
        Arc::clone(&self.state.borrow())
    }

    /// To hear of every change.
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

    /// Changes settings for the cluster.
    ///
    /// # Errors
    /// When a value is out of bounds, or the change was not committed.
    pub async fn update(&self, change: SettingsChange) -> Result<Settings, UpdateError> {
        let command = ClusterCommand::Change(change).encode();
        let (_, applied) = self.group.propose(command.into()).await?;
        refusal(&applied).map_or_else(
            || Ok(self.settings()),
            |reason| Err(UpdateError::Refused(reason)),
        )
    }

    /// Its Raft group.
    pub fn group(&self) -> &Arc<Group<ControlMachine>> {
        &self.group
    }
}
