//! State shared by the callers of a file log and its writer thread.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::RwLock;

use super::queue::WriteQueue;
use crate::store::log::budget::ByteBudget;
use crate::store::log::config::{LogConfig, LogHooks};
use crate::store::log::engine::CONTROL_BUDGET_BYTES;
use crate::store::log::entry::GroupId;
use crate::store::log::error::WriteRefused;
use crate::store::log::memory::file_group::{self, FileGroup};
use crate::store::log::segments::table::SegmentTable;
use crate::store::log::stats::LogStats;

/// State shared by the callers and the writer thread.
pub(crate) struct Shared {
    pub(crate) config: LogConfig,
    pub(crate) hooks: LogHooks,
    /// The log's random number, stored in each segment's header.
    pub(crate) log: u64,
    pub(crate) queue: WriteQueue,
    pub(crate) budget: ByteBudget,
    pub(crate) control_budget: ByteBudget,
    pub(crate) table: SegmentTable,
    pub(crate) stats: LogStats,
    groups: RwLock<BTreeMap<GroupId, Arc<FileGroup>>>,
}

impl Shared {
    pub(crate) fn new(
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
            control_budget: ByteBudget::new(CONTROL_BUDGET_BYTES),
            table,
            stats: LogStats::default(),
            groups,
        }
    }

    pub(crate) fn group(&self, id: GroupId) -> Option<Arc<FileGroup>> {
        self.groups.read().get(&id).cloned()
    }

    pub(crate) fn group_or_new(&self, id: GroupId) -> Arc<FileGroup> {
        if let Some(group) = self.group(id) {
            return group;
        }
        let mut groups = self.groups.write();
        let group = groups
            .entry(id)
            .or_insert_with(|| Arc::new(FileGroup::new(id, Default::default())));
        Arc::clone(group)
    }

    pub(crate) fn forget_group(&self, id: GroupId) -> Option<Arc<FileGroup>> {
        self.groups.write().remove(&id)
    }

    pub(crate) fn group_ids(&self) -> Vec<GroupId> {
        self.groups.read().keys().copied().collect()
    }

    /// The mark could not be made durable: nothing more is acknowledged.
    pub(crate) fn mark_failed(&self, error: &io::Error) {
        tracing::error!(%error, "the log's mark has failed: the process must stop");
        (self.hooks.fatal)(error);
        self.queue.close(WriteRefused::Failed);
    }

    /// Updates the gauges.
    pub(crate) fn refresh_gauges(&self) {
        let totals = self.table.totals();
        self.stats
            .set_segments(totals.segments, totals.bytes, totals.live_bytes);
    }
}
