//! A group in an open store.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::bases::BaseDir;
use super::bases::changed_keys::ChangedKeys;
use super::found::FoundGroup;
use super::position::Position;
use super::tree::group_tree::Summary;
use super::tree::tree_slot::TreeSlot;

/// How far a group is recovered.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// Not recovered: what the open found.
    Found(FoundGroup),
    /// In use.
    Recovered(Option<Summary>),
}

impl Stage {
    /// The state of the tree; `None` before the recovery.
    pub(super) fn recovered(&self) -> Option<Option<Summary>> {
        match self {
            Stage::Recovered(summary) => Some(*summary),
            Stage::Found(_) => None,
        }
    }
}

pub(super) struct StoredGroup {
    pub(super) tree: TreeSlot,
    /// Locked by a change of the tree, and by work that needs an unchanged tree.
    pub(super) current: Mutex<Stage>,
    /// Whether `current` is recovered, for readers that must not wait for a commit.
    is_recovered: AtomicBool,
    /// The position of `current`; before the recovery that which was found.
    pub(super) position: RwLock<Option<Position>>,
    pub(super) bases: BaseDir,
    /// Locked only while `current` is locked.
    pub(super) changed: Mutex<ChangedKeys>,
    /// Locked by an install or a recovery, before `current`.
    pub(super) replacing: Mutex<()>,
    /// Bases that were begun to be received since the open.
    pub(super) attempts: AtomicU64,
}

impl StoredGroup {
    /// One of `groups` groups.
    pub(super) fn new(
        (tree, bases): (TreeSlot, BaseDir),
        found: FoundGroup,
        groups: usize,
    ) -> Self {
        Self {
            tree,
            is_recovered: AtomicBool::new(false),
            position: RwLock::new(found.position()),
            current: Mutex::new(Stage::Found(found)),
            bases,
            changed: Mutex::new(ChangedKeys::of_one_in(groups)),
            replacing: Mutex::default(),
            attempts: AtomicU64::new(0),
        }
    }

    pub(super) fn is_recovered(&self) -> bool {
        self.is_recovered.load(Ordering::Acquire)
    }

    /// Takes the group into use.
    pub(super) fn recovered(&self, summary: Option<Summary>) {
        *self.current.lock() = Stage::Recovered(summary);
        *self.position.write() = summary.map(|summary| summary.position);
        self.is_recovered.store(true, Ordering::Release);
    }
}
