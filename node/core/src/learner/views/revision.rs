//! State and revision of windows.

use std::collections::BTreeSet;

use crate::{
    context::ReadPoint,
    learner::{history::Correction, state::Learner},
};

/// How final a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowState {
    /// The watermark has not passed its end.
    Open,
    /// Emitted, and within its allowed lateness.
    Closed,
    /// Past its allowed lateness.
    Settled,
    /// Changed after it was settled.
    Amended,
}

/// A window's state and revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The state.
    pub state: WindowState,
    /// 0 while the window is open, then the number of its emissions.
    pub revision: u32,
}

impl Learner {
    /// State and revision of the window `[start_ms, end_ms)`. Both are multiples of a pane.
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
            .blocks
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
