//! The current tree of a group, which an install replaces.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::{Mutex, RwLock};

use super::group_tree::GroupTree;
use super::pointer::{self, Generation};
use super::sled_guard::{SledFault, guarded};
use crate::store::group_id::GroupId;

/// Records of a discarded tree that are removed between two looks at it. Dropping a whole tree at
/// once would read all of it into memory.
const DISCARDED_AT_ONCE: usize = 1_000;

/// Readers take the tree once and keep it, so each sees one tree, before or after the replacement.
/// A replaced tree is removed once no reader has it any more.
pub(crate) struct TreeSlot {
    db: sled::Db,
    group: GroupId,
    /// Number of groups of the store.
    groups: usize,
    current: RwLock<Arc<GroupTree>>,
    /// Trees that were replaced while they were read. At most one for each install.
    replaced: Mutex<Vec<Arc<GroupTree>>>,
    next: AtomicU32,
    /// Whether sled can't read one of the group's trees: none is removed any more.
    is_unreadable: AtomicBool,
}

impl TreeSlot {
    /// Opens a group's current tree, of one of `groups` groups.
    pub(crate) fn open(
        db: &sled::Db,
        group: GroupId,
        generation: Generation,
        groups: usize,
    ) -> Result<Self, SledFault> {
        let newest = pointer::generations(db, group)?.max().unwrap_or(0);
        let tree = GroupTree::open(db, group, generation, groups)?;
        Ok(Self {
            db: db.clone(),
            group,
            groups,
            current: RwLock::new(Arc::new(tree)),
            replaced: Mutex::default(),
            next: AtomicU32::new(newest.max(generation) + 1),
            is_unreadable: AtomicBool::new(false),
        })
    }

    /// Keeps the group's other trees from now on, since sled can't read one of them.
    pub(crate) fn keep_unreadable(&self) {
        self.is_unreadable.store(true, Ordering::Relaxed);
    }

    /// The current tree. It stays readable while it is held, though it may be replaced meanwhile.
    pub(crate) fn current(&self) -> Arc<GroupTree> {
        self.current.read().clone()
    }

    /// A new, empty tree, which is not read until it replaces the current one.
    pub(crate) fn create(&self) -> Result<GroupTree, SledFault> {
        let generation = self.next.fetch_add(1, Ordering::Relaxed);
        GroupTree::open(&self.db, self.group, generation, self.groups)
    }

    /// The current tree if it is empty, else a new one.
    pub(crate) fn empty(&self) -> Result<Arc<GroupTree>, SledFault> {
        let current = self.current();
        if guarded(|| Ok(current.tree().is_empty())).unwrap_or(false) {
            return Ok(current);
        }
        drop(current);
        self.create().map(Arc::new)
    }

    /// Makes a tree of this group the current one in sled; durable with the next flush.
    pub(crate) fn point_to(&self, tree: &GroupTree) -> Result<(), SledFault> {
        pointer::write(&self.db, self.group, tree.generation)
    }

    /// Makes a tree the current one for all readers to come.
    pub(crate) fn replace(&self, tree: Arc<GroupTree>) {
        let old = std::mem::replace(&mut *self.current.write(), tree);
        self.replaced.lock().push(old);
    }

    /// Removes the group's trees that are neither current nor read any more, also those that an
    /// earlier run of the process left. Not to be called while a new tree is being built.
    pub(crate) fn discard_unused(&self) -> Result<(), SledFault> {
        if self.is_unreadable.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut replaced = self.replaced.lock();
        replaced.retain(|tree| Arc::strong_count(tree) > 1);
        let mut used: Vec<Generation> = replaced.iter().map(|tree| tree.generation).collect();
        drop(replaced);
        used.push(self.current().generation);
        for generation in pointer::generations(&self.db, self.group)? {
            if !used.contains(&generation) {
                self.discard(generation)?;
            }
        }
        Ok(())
    }

    /// Removes a tree without readers. An interrupted removal is finished by a later call.
    fn discard(&self, generation: Generation) -> Result<(), SledFault> {
        let name = pointer::tree_name(self.group, generation);
        let tree = guarded(|| self.db.open_tree(&name))?;
        let keys_of = || {
            let keys = tree.iter().keys();
            keys.take(DISCARDED_AT_ONCE)
                .collect::<sled::Result<Vec<_>>>()
        };
        loop {
            let keys = guarded(keys_of)?;
            if keys.is_empty() {
                break;
            }
            guarded(|| keys.iter().try_for_each(|key| tree.remove(key).map(drop)))?;
        }
        // sled flushes when the last handle of a tree is dropped.
        guarded(|| {
            self.db.drop_tree(name)?;
            drop(tree);
            Ok(())
        })
    }
}
