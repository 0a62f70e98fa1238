//! One group's sled tree: reads and verifies it, and builds the batches that change it.

use parking_lot::Mutex;

use super::commit::{Commit, CommitError};
use super::key_list::KeyList;
use super::meta::GroupMeta;
use super::pointer::{Generation, tree_name};
use super::recent_hashes::RecentHashes;
use super::record::{self, META_KEY, Payload, stored_key};
use super::sled_guard::{SledFault, guarded};
use super::tree_records::{ScanFault, TreeRecords};
use crate::store::checkpoint::damage::Damage;
use crate::store::checkpoint::digest::Digest;
use crate::store::checkpoint::position::Position;
use crate::store::group_id::GroupId;

/// What a change of a tree needs to know: the tree's position and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) position: Position,
    pub(crate) digest: Digest,
}

/// A commit that is ready to be applied to its tree.
pub(crate) struct Prepared {
    pub(crate) batch: sled::Batch,
    pub(crate) summary: Summary,
    pub(crate) records: u64,
    /// Keys of the records that it changes.
    pub(crate) keys: KeyList,
}

pub(crate) struct GroupTree {
    pub(crate) group: GroupId,
    pub(crate) generation: Generation,
    tree: sled::Tree,
    /// Hashes of records after the last prepared batch. A batch that fails takes the store out of
    /// use, so they need no rollback.
    recent: Mutex<RecentHashes>,
}

impl GroupTree {
    /// A tree of one of `groups` groups.
    pub(crate) fn open(
        db: &sled::Db,
        group: GroupId,
        generation: Generation,
        groups: usize,
    ) -> Result<GroupTree, SledFault> {
        let tree = guarded(|| db.open_tree(tree_name(group, generation)))?;
        Ok(GroupTree {
            group,
            generation,
            tree,
            recent: Mutex::new(RecentHashes::of_one_in(groups)),
        })
    }

    pub(crate) fn tree(&self) -> &sled::Tree {
        &self.tree
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Payload>, ScanFault> {
        let found = self.get_with_hash(key)?;
        Ok(found.map(|(payload, _)| payload))
    }

    pub(crate) fn get_with_hash(&self, key: &[u8]) -> Result<Option<(Payload, u64)>, ScanFault> {
        self.load(&stored_key(key))
    }

    pub(crate) fn meta(&self) -> Result<Option<GroupMeta>, ScanFault> {
        match guarded(|| self.tree.get(META_KEY)).map_err(ScanFault::Sled)? {
            None => Ok(None),
            Some(stored) => {
                let meta = GroupMeta::load(self.group, stored).map_err(ScanFault::Damage)?;
                Ok(Some(meta))
            }
        }
    }

    /// Reads the whole tree, and passes each verified record to `visit`. `None` for an empty tree.
    ///
    /// # Errors
    /// When a record fails its checksum, keys do not ascend, or the digest is not that of the meta
    /// record.
    pub(crate) fn verify(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<Option<GroupMeta>, ScanFault> {
        let meta = self.meta()?;
        let mut found = Digest::default();
        for record in TreeRecords::from(self.group, &self.tree, b"") {
            let (record, hash) = record?;
            found.add(hash);
            visit(record.key(), record.payload());
        }
        match meta {
            None if found.records == 0 => Ok(None),
            None => Err(ScanFault::Damage(Damage::MetaMissing)),
            Some(meta) if meta.digest == found => Ok(Some(meta)),
            Some(meta) => Err(ScanFault::Damage(Damage::DigestMismatch {
                promised: meta.digest,
                found,
            })),
        }
    }

    /// Builds the batch that takes the tree from `current` to the commit.
    pub(crate) fn prepare(
        &self,
        current: Option<Summary>,
        mut commit: Commit,
    ) -> Result<Prepared, CommitError> {
        let mut digest = current.map_or_else(Digest::default, |summary| summary.digest);
        let mut batch = sled::Batch::default();
        let (mut records, mut keys) = (0, KeyList::default());
        // Sorted, so that neighbours are read from the same page. The sort is stable, so the last
        // change of a key stays last.
        commit.changes.sort_by(|a, b| a.0.cmp(&b.0));
        let mut changes = commit.changes.into_iter().peekable();
        let mut recent = self.recent.lock();
        while let Some((key, payload)) = changes.next() {
            if changes.peek().is_some_and(|(next, _)| *next == key) {
                continue;
            }
            records += 1;
            let known = (&mut digest, &mut *recent);
            let hash_before = self.prepare_change(&key, payload, known, &mut batch)?;
            keys.push(&key, hash_before);
        }
        let position = commit.position;
        let meta = GroupMeta::encode(&position, &digest, &commit.meta, self.group);
        batch.insert(META_KEY, meta);
        let summary = Summary { position, digest };
        Ok(Prepared {
            batch,
            summary,
            records,
            keys,
        })
    }

    /// Adds one change to the batch. Returns the hash of the record that it replaces.
    fn prepare_change(
        &self,
        key: &[u8],
        payload: Option<Vec<u8>>,
        (digest, recent): (&mut Digest, &mut RecentHashes),
        batch: &mut sled::Batch,
    ) -> Result<Option<u64>, CommitError> {
        let stored_key = stored_key(key);
        let old_hash = match recent.take(&stored_key) {
            Some(hash) => Some(hash),
            // Verified before its hash leaves the digest: a flipped header would make the digest
            // wrong for good.
            None => {
                let old = self.load(&stored_key);
                let old = old.map_err(|fault| fault.into_damage().of(self.group))?;
                old.map(|(_, hash)| hash)
            }
        };
        if let Some(old_hash) = old_hash {
            digest.remove(old_hash);
        }
        match payload {
            Some(payload) => {
                let (value, hash) = record::encode(self.group, &stored_key, &payload);
                digest.add(hash);
                recent.put(&stored_key, hash);
                batch.insert(stored_key, value);
            }
            None => batch.remove(stored_key),
        }
        Ok(old_hash)
    }

    pub(crate) fn apply(&self, batch: sled::Batch) -> Result<(), SledFault> {
        guarded(|| self.tree.apply_batch(batch))
    }

    /// Adds a record to a tree that has no meta record yet. Returns the record's hash.
    pub(crate) fn import_record(&self, key: &[u8], payload: &[u8]) -> Result<u64, SledFault> {
        let stored_key = stored_key(key);
        let (value, hash) = record::encode(self.group, &stored_key, payload);
        guarded(|| self.tree.insert(stored_key, value))?;
        Ok(hash)
    }

    /// Writes the meta record that makes an imported tree valid.
    pub(crate) fn import_meta(&self, summary: &Summary, bytes: &[u8]) -> Result<(), SledFault> {
        let meta = GroupMeta::encode(&summary.position, &summary.digest, bytes, self.group);
        guarded(|| self.tree.insert(META_KEY, meta))?;
        Ok(())
    }

    fn load(&self, stored_key: &[u8]) -> Result<Option<(Payload, u64)>, ScanFault> {
        match guarded(|| self.tree.get(stored_key)).map_err(ScanFault::Sled)? {
            None => Ok(None),
            Some(stored) => {
                let loaded =
                    record::load(self.group, stored_key, stored).map_err(ScanFault::Damage)?;
                Ok(Some(loaded))
            }
        }
    }
}
