//! Who this node is: written once, when its data folder is first used.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

const FILE: &str = "identity.json";

/// What a data folder belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// Version of this file's form.
    pub version: u32,
    /// The cluster.
    pub cluster_id: String,
    /// This node among the cluster's.
    pub node_id: u64,
    /// Shards of the cluster.
    pub shards: u16,
}

/// The identity of a data folder can't be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Reading or writing failed.
    #[error("{FILE} in the data folder: {0}")]
    Io(#[from] io::Error),
    /// It is there, but says nothing that this build knows.
    #[error("{FILE} in the data folder is damaged, or of a newer build: {0}")]
    Unreadable(serde_json::Error),
}

impl Identity {
    /// A new cluster's first node.
    pub fn founder(shards: u16) -> Self {
        let cluster_id = uuid::Uuid::new_v4().to_string();
        Self {
            version: 1,
            cluster_id,
            node_id: 1,
            shards,
        }
    }

    /// The identity of a data folder; `None` for a folder that has none yet.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, IdentityError> {
        match fs::read(data_dir.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(IdentityError::Unreadable),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes it durably, all or nothing.
    ///
    /// # Errors
    /// When writing fails.
    pub fn save(&self, data_dir: &Path) -> Result<(), IdentityError> {
        let temporary = data_dir.join("identity.json.writing");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(self).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&temporary, data_dir.join(FILE))?;
        File::open(data_dir)?.sync_all()?;
        Ok(())
    }
}
