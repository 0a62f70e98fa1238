//! Entries of the control plane's log.

use serde::{Deserialize, Serialize};

use crate::{DecodeError, Settings, SettingsChange, wire};

/// Version of the encodings of state and commands.
pub(super) const CLUSTER_VERSION: u8 = 1;

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub node_id: u64,
    /// Its network address.
    pub address: String,
}

/// The values that a cluster is founded with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    /// Its id.
    pub cluster_id: String,
    /// The number of shards. It never changes.
    pub shards: u16,
    /// The founding node.
    pub founder: Member,
    /// The initial settings.
    pub settings: Settings,
}

/// An entry of the control plane's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterCommand {
    /// Founds the cluster; refused when it is founded already.
    Found(Founding),
    /// Changes settings.
    Change(SettingsChange),
}

impl ClusterCommand {
    /// The versioned encoding.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(CLUSTER_VERSION, self)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode(CLUSTER_VERSION, bytes)
    }
}
