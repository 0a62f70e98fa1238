//! Entries of the control plane's log.

use serde::{Deserialize, Serialize};

use crate::{Settings, SettingsChange, settings};

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
    #[serde(with = "settings::versioned")]
    pub settings: Settings,
}

/// An entry of the control plane's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterCommand {
    /// Founds the cluster; refused when it is founded already.
    Found(Founding),
    /// Changes settings.
    Change(#[serde(with = "settings::versioned_change")] SettingsChange),
    /// A change that the build before wrote. It is judged by that build's rules, so that a replay
    /// gives what was answered.
    #[serde(skip)]
    ChangeBefore(SettingsChange),
}
