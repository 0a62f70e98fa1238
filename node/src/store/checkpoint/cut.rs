//! Cutting a base from a group's state.

use std::io;

use super::bases::{BASES_KEPT, BaseError, BaseHeader, BaseInfo, BaseWriter};
use super::damage::Damage;
use super::digest::Digest;
use super::read_error::CutError;
use super::store::CheckpointStore;
use super::tree::group_tree::GroupTree;
use super::tree::key_list::Changed;
use super::tree::meta::GroupMeta;
use super::tree::tree_records::TreeRecords;
use crate::store::group_id::GroupId;

impl CheckpointStore {
    /// Makes a base of the group's state as of its last commit; durable on return.
    ///
    /// The newest two bases are kept, and share no file. If the changes since the older one are
    /// known and few, a file with these changes extends it to this state. Otherwise the whole state
    /// is written and replaces it. Commits to the group wait meanwhile, those of other groups do
    /// not. A second cut at one position changes nothing.
    pub fn cut_base(&self, group: GroupId) -> Result<BaseInfo, CutError> {
        let stored = self.group(group).ok_or(CutError::NoSuchGroup(group))?;
        // Not while a new tree is being built.
        if let Some(_none_is_built) = stored.replacing.try_lock() {
            self.discard_unused(stored, group);
        }
        let unchanging = stored.current.lock();
        self.health.check(group)?;
        if unchanging.recovered().is_none() {
            return Err(CutError::NotRecovered(group));
        }
        let tree = stored.tree.current();
        let meta = tree
            .meta()
            .map_err(|fault| self.read_failed(group, fault))?;
        let meta = meta.ok_or(CutError::NothingCommitted)?;
        let bases = stored.bases.list();
        if let Some(newest) = bases.first().filter(|base| base.position == meta.position) {
            return Ok(newest.clone());
        }
        let mut changed = stored.changed.lock();
        let older = bases
            .get(BASES_KEPT - 1)
            .filter(|base| base.may_extend(group));
        let keys = older.and_then(|older| {
            let keys = changed.since(older.position)?;
            // Each changed key is looked up; beyond this share a scan is cheaper.
            let are_few = keys.len() as u64 * 2 < meta.digest.records;
            are_few.then_some((older, keys))
        });
        let header = |since| self.base_header(group, &meta, since);
        let cut = match keys {
            Some((older, keys)) => {
                let header = header(Some(older.position));
                let fill = |base: &mut _| {
                    let found = self.fill_changed(&tree, (older.digest, &keys), base)?;
                    // The tree lost a record, brought one back, or a change was not noted. Both
                    // bases would be wrong from then on.
                    Ok(BaseError::check_digest(meta.digest, found)?)
                };
                stored.bases.cut(header, &meta.bytes, fill)
            }
            None => {
                let fill = |base: &mut _| self.fill_whole(&tree, base);
                stored.bases.cut(header(None), &meta.bytes, fill)
            }
        };
        let base = cut.map_err(|e| match e {
            // The tree does not contain what was committed: the tree is damaged, not the base.
            CutError::Base(BaseError::DigestMismatch { promised, found }) => {
                CutError::Damaged(Damage::DigestMismatch { promised, found }.of(group))
            }
            e => e,
        })?;
        changed.base_was_cut(base.position);
        Ok(base)
    }

    fn base_header(
        &self,
        group: GroupId,
        meta: &GroupMeta,
        since: Option<super::Position>,
    ) -> BaseHeader {
        BaseHeader {
            group,
            cluster_id: self.cluster_id.clone(),
            position: meta.position,
            since,
            digest: meta.digest,
            meta_bytes: meta.bytes.len() as u32,
        }
    }

    fn fill_whole<W: io::Write>(
        &self,
        tree: &GroupTree,
        base: &mut BaseWriter<W>,
    ) -> Result<(), CutError> {
        let group = tree.group;
        for record in TreeRecords::from(group, tree.tree(), b"") {
            let (record, _) = record.map_err(|fault| self.read_failed(group, fault))?;
            base.put(record.key(), record.payload())?;
        }
        Ok(())
    }

    /// Writes the changes. Returns the digest that results from `digest` with them.
    fn fill_changed<W: io::Write>(
        &self,
        tree: &GroupTree,
        (mut digest, keys): (Digest, &[Changed<'_>]),
        base: &mut BaseWriter<W>,
    ) -> Result<Digest, CutError> {
        for (key, hash_before) in keys {
            if let Some(hash) = hash_before {
                digest.remove(*hash);
            }
            let found = tree.get_with_hash(key);
            match found.map_err(|fault| self.read_failed(tree.group, fault))? {
                Some((payload, hash)) => {
                    digest.add(hash);
                    base.put(key, &payload)?;
                }
                None => base.remove(key)?,
            }
        }
        Ok(digest)
    }
}
