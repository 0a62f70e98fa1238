//! Cutting bases.

use std::io;

use super::bases::{BASES_KEPT, BaseError, BaseHeader, BaseInfo, BaseWriter};
use super::damage::Damage;
use super::digest::Digest;
use super::read_error::CutError;
use super::store::{CheckpointStore, Group};
use super::tree::key_list::Changed;
use super::tree::meta::GroupMeta;
use super::tree::scan::TreeRecords;
use crate::store::group_id::GroupId;

impl CheckpointStore {
    /// Makes a base of the group's state as of its last commit; durable on return.
    ///
    /// The newest two bases are kept, and share no file. Where it is known what changed since the older one, and that is little, the
    /// older one goes on to this state by a file with the changes; otherwise the whole state is written, and takes its place. Commits to
    /// the group wait meanwhile, other groups' don't. Cutting twice at one position changes nothing.
    pub fn cut_base(&self, group: GroupId) -> Result<BaseInfo, CutError> {
        let slot = self.group(group).ok_or(CutError::NoSuchGroup(group))?;
        let _unchanging = slot.current.lock();
        self.health.check(group)?;
        let meta = slot
            .tree
            .meta()
            .map_err(|fault| self.read_failed(group, fault))?;
        let meta = meta.ok_or(CutError::NothingCommitted)?;
        let bases = slot.bases.list();
        if let Some(newest) = bases.first().filter(|base| base.position == meta.position) {
            return Ok(newest.clone());
        }
        let mut changed = slot.changed.lock();
        let older = bases
            .get(BASES_KEPT - 1)
            .filter(|base| base.may_extend(group));
        let keys = older.and_then(|older| {
            let keys = changed.since(older.position)?;
            // What is little else would have to be looked up one by one.
            let are_few = keys.len() as u64 * 2 < meta.digest.records;
            are_few.then_some((older, keys))
        });
        let header = |since| self.base_header(group, &meta, since);
        let cut = match keys {
            Some((older, keys)) => {
                let header = header(Some(older.position));
                let fill = |base: &mut _| {
                    let found = self.fill_changed(slot, (older.digest, &keys), base)?;
                    // Else both bases would be wrong from then on: with a record that sled lost or brought back, or without a
                    // change that was not noted.
                    Ok(BaseError::check_digest(meta.digest, found)?)
                };
                slot.bases.cut(header, &meta.bytes, fill)
            }
            None => {
                let fill = |base: &mut _| self.fill_whole(slot, base);
                slot.bases.cut(header(None), &meta.bytes, fill)
            }
        };
        let base = cut.map_err(|e| match e {
            // What was read is not what was committed: the tree is at fault, not the base.
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
        slot: &Group,
        base: &mut BaseWriter<W>,
    ) -> Result<(), CutError> {
        let group = slot.tree.group;
        for record in TreeRecords::from(group, slot.tree.tree(), b"") {
            let (record, _) = record.map_err(|fault| self.read_failed(group, fault))?;
            base.put(record.key(), record.payload())?;
        }
        Ok(())
    }

    /// Says what comes of the base that had this digest.
    fn fill_changed<W: io::Write>(
        &self,
        slot: &Group,
        (mut digest, keys): (Digest, &[Changed<'_>]),
        base: &mut BaseWriter<W>,
    ) -> Result<Digest, CutError> {
        for (key, hash_before) in keys {
            if let Some(hash) = hash_before {
                digest.remove(*hash);
            }
            let found = slot.tree.get_with_hash(key);
            match found.map_err(|fault| self.read_failed(slot.tree.group, fault))? {
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
