//! The identity of a node: written once, when its data folder is first used.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

const FILE: &str = "identity.json";

/// The cluster and node that a data folder belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// Version of the file's format.
    pub version: u32,
    /// Id of the cluster.
    pub cluster_id: String,
    /// Id of this node in the cluster.
    pub node_id: u64,
    /// Number of shards of the cluster.
    pub shards: u16,
}

/// The identity can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Reading or writing failed.
    #[error("{FILE} in the data folder: {0}")]
    Io(#[from] io::Error),
    /// The file is there, but this build can't parse it.
    #[error("{FILE} in the data folder is damaged, or of a newer build: {0}")]
    Unreadable(serde_json::Error),
}

impl Identity {
    /// The identity of the first node of a new cluster.
    pub fn founder(shards: u16) -> Self {
        let cluster_id = uuid::Uuid::new_v4().to_string();
        Self {
            version: 1,
            cluster_id,
            node_id: 1,
            shards,
        }
    }

    /// The identity in a data folder; `None` if the folder has none yet.
    ///
    /// # Errors
    /// When the file can't be read or parsed.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, IdentityError> {
        match fs::read(data_dir.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(IdentityError::Unreadable),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes it durably: the file is complete or absent.
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
