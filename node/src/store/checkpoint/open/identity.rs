//! The identity of a store.

use std::io;
use std::path::Path;

use crate::store::checkpoint::bases::CLUSTER_ID_BYTES_MAX;
use crate::store::fields::Fields;
use crate::store::files;

const FORMAT_VERSION: u16 = 1;

/// Written when a store is created, and compared at each open. So the state of another cluster, or
/// with another number of groups, is refused before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) groups: u16,
    pub(crate) cluster_id: Vec<u8>,
}

impl Identity {
    /// The content of the file; `None` if it is missing or damaged. Bases contain the cluster's id
    /// as well, so even then no foreign state is imported.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Identity>> {
        let Some(bytes) = files::read_file(path)? else {
            return Ok(None);
        };
        let identity = decode(&bytes);
        if identity.is_none() {
            tracing::warn!(path = %path.display(), "the store's identity is unreadable");
        }
        Ok(identity)
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut bytes = FORMAT_VERSION.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.groups.to_le_bytes());
        bytes.extend_from_slice(&(self.cluster_id.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&self.cluster_id);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        files::write_file(path, &bytes)
    }
}

fn decode(bytes: &[u8]) -> Option<Identity> {
    let (checked, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(checked) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut fields = Fields::new(checked);
    if fields.u16()? != FORMAT_VERSION {
        return None;
    }
    let groups = fields.u16()?;
    let cluster_id_bytes = usize::from(fields.u16()?);
    if cluster_id_bytes > CLUSTER_ID_BYTES_MAX {
        return None;
    }
    let cluster_id = fields.take(cluster_id_bytes)?.to_vec();
    Some(Identity { groups, cluster_id })
}
