//! Fills a new tree from a base.

use std::io::Read;

use crate::store::checkpoint::bases::{BaseError, BaseReader};
use crate::store::checkpoint::digest::Digest;
use crate::store::checkpoint::tree::group_tree::{GroupTree, Summary};
use crate::store::checkpoint::tree::sled_guard::SledFault;

/// Why a tree was not filled.
pub(crate) enum ImportError<E> {
    Base(BaseError),
    Sled(SledFault),
    /// The error of a pause.
    Pause(E),
}

/// Fills an empty tree from a base, record by record. The tree becomes valid with its last record,
/// after the base was verified to its end. `pause` is called after each `part_bytes` of keys and
/// payloads.
pub(crate) fn import<R: Read, E>(
    tree: &GroupTree,
    reader: &mut BaseReader<R>,
    part_bytes: usize,
    mut pause: impl FnMut() -> Result<(), E>,
) -> Result<Summary, ImportError<E>> {
    let mut digest = Digest::default();
    let mut bytes = 0;
    while let Some((key, payload)) = reader.next().map_err(ImportError::Base)? {
        bytes += key.len() + payload.len();
        digest.add(
            tree.import_record(key, payload)
                .map_err(ImportError::Sled)?,
        );
        if bytes >= part_bytes {
            bytes = 0;
            pause().map_err(ImportError::Pause)?;
        }
    }
    let position = reader.header().position;
    let summary = Summary { position, digest };
    tree.import_meta(&summary, reader.meta())
        .map_err(ImportError::Sled)?;
    Ok(summary)
}
