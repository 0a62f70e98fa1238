//! What the callers of a file log and its writer thread share.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::budget::ByteBudget;
use super::config::{LogConfig, LogHooks};
use super::entry::GroupId;
use super::file_group::{self, FileGroup};
use super::queue::WriteQueue;
use super::stats::LogStats;
use super::table::SegmentTable;

/// Shared between callers and the writer thread.
pub(super) struct Shared {
    pub(super) config: LogConfig,
    pub(super) hooks: LogHooks,
    /// The log's random number, in every segment's header.
    pub(super) log: u64,
    pub(super) queue: WriteQueue,
    pub(super) budget: ByteBudget,
    pub(super) table: SegmentTable,
    pub(super) stats: LogStats,
    groups: RwLock<BTreeMap<GroupId, Arc<FileGroup>>>,
}

impl Shared {
    pub(super) fn new(
        config: LogConfig,
        hooks: LogHooks,
        log: u64,
        table: SegmentTable,
        groups: BTreeMap<GroupId, Arc<FileGroup>>,
    ) -> Self {
        for group in groups.values() {
            table.add_live(&file_group::live_in(group.lock().log.slots()));
        }
        // Fits: the configuration was checked.
        let budget = ByteBudget::new(config.queue_bytes as u32);
        let groups = RwLock::new(groups);
        Self {
            config,
            hooks,
            log,
            queue: WriteQueue::default(),
            budget,
            table,
            stats: LogStats::default(),
            groups,
        }
    }

    pub(super) fn group(&self, id: GroupId) -> Option<Arc<FileGroup>> {
        self.groups
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    pub(super) fn group_or_new(&self, id: GroupId) -> Arc<FileGroup> {
        if let Some(group) = self.group(id) {
            return group;
        }
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        let group = groups
            .entry(id)
            .or_insert_with(|| Arc::new(FileGroup::new(id, Default::default())));
        Arc::clone(group)
    }

    pub(super) fn forget_group(&self, id: GroupId) -> Option<Arc<FileGroup>> {
        self.groups
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id)
    }

    pub(super) fn group_ids(&self) -> Vec<GroupId> {
        self.groups
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .copied()
            .collect()
    }

    /// Brings the gauges up to date.
    pub(super) fn refresh_gauges(&self) {
        let totals = self.table.totals();
        self.stats
            .set_segments(totals.segments, totals.bytes, totals.live_bytes);
    }
}
