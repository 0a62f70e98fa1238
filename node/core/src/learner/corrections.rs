//! What came late, and so what a window's state and revision are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Learner, WindowState};
use crate::{
    shard::{EntryContext, ReadPoint},
    time::{PANE_MS, pane_start},
};

/// Entries that changed a pane after the watermark had passed its end, by start of the pane. On-time changes leave no trace here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    by_pane: BTreeMap<i64, Vec<Correction>>,
}

/// One entry that changed a pane late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Correction {
    entry_index: u64,
    watermark_ms: i64,
    log_time_ms: i64,
}

/// A window's state and revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// How final the window is.
    pub state: WindowState,
    /// 0 while it is open, then counts its emissions.
    pub revision: u32,
}

impl Corrections {
    /// Notes that an entry changed the pane that holds this time, if that is late.
    pub fn note(&mut self, time_ms: i64, context: &EntryContext) {
        let start_ms = pane_start(time_ms);
        if context.watermark_ms < start_ms + PANE_MS {
            return;
        }
        let corrections = self.by_pane.entry(start_ms).or_default();
        if corrections
            .last()
            .is_none_or(|last| last.entry_index != context.index)
        {
            corrections.push(Correction {
                entry_index: context.index,
                watermark_ms: context.watermark_ms,
                log_time_ms: context.log_time_ms,
            });
        }
    }

    /// Whether a pane was corrected after a log time.
    pub fn changed_after(&self, pane_start_ms: i64, log_time_ms: i64) -> bool {
        self.by_pane
            .get(&pane_start_ms)
            .and_then(|corrections| corrections.last())
            .is_some_and(|last| last.log_time_ms > log_time_ms)
    }

    /// Forgets panes before the floor.
    pub fn prune(&mut self, floor_ms: i64) {
        self.by_pane = self.by_pane.split_off(&floor_ms);
    }

    /// Starts of the panes that one entry corrected.
    pub fn made_by(&self, entry_index: u64, panes: impl Iterator<Item = i64>) -> Vec<i64> {
        let by_entry = |start: &i64| {
            self.by_pane.get(start).is_some_and(|all| {
                all.last()
                    .is_some_and(|last| last.entry_index == entry_index)
            })
        };
        panes.filter(by_entry).collect()
    }

    fn between(&self, start_ms: i64, end_ms: i64) -> impl Iterator<Item = &Correction> {
        self.by_pane
            .range(start_ms..end_ms)
            .flat_map(|(_, corrections)| corrections)
    }
}

impl Learner {
    /// State and revision of the window `[start_ms, end_ms)`, both multiples of a pane.
    pub fn revision(&self, start_ms: i64, end_ms: i64, at: &ReadPoint) -> Revision {
        if at.watermark_ms < end_ms {
            return Revision {
                state: WindowState::Open,
                revision: 0,
            };
        }
        let late: Vec<&Correction> = self
            .corrections
            .between(start_ms, end_ms)
            .filter(|correction| correction.watermark_ms >= end_ms)
            .collect();
        let entries: BTreeSet<u64> = late
            .iter()
            .map(|correction| correction.entry_index)
            .collect();
        let began_on_time = self
            .panes_between(start_ms, end_ms)
            .any(|(_, _, pane)| pane.first_watermark_ms < end_ms);
        let settled_ms = end_ms.saturating_add(at.allowed_lateness_ms);
        let state = if late
            .iter()
            .any(|correction| correction.watermark_ms >= settled_ms)
        {
            WindowState::Amended
        } else if at.watermark_ms >= settled_ms {
            WindowState::Settled
        } else {
            WindowState::Closed
        };
        let emissions = entries.len() + usize::from(began_on_time);
        Revision {
            state,
            revision: u32::try_from(emissions).unwrap_or(u32::MAX),
        }
    }
}
