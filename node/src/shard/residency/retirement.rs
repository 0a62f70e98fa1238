//! Which learners of a shard may be stopped.

use homeroom_core::learner::SESSION_GAP_MS;

use super::memory::EarlyLeave;

/// Which learners may be stopped.
#[derive(Clone, Copy, Debug)]
pub struct Retirement {
    /// Windows that end at or before this event time are settled, ms.
    pub settled_ms: i64,
    /// A learner qualifies if no entry touched it since this log time, ms.
    pub untouched_since_ms: i64,
    /// What settled learners that were touched later give back, if memory is short.
    pub early: Option<EarlyLeave>,
}

impl Retirement {
    /// The limits at a watermark, for events that may be up to `allowed_lateness_ms` late.
    ///
    /// A lateness beyond a session's gap counts as the gap. Once all sources are silent the
    /// watermark stops at the gap plus a minute past the newest event, so with a larger lateness no
    /// learner would ever be stopped.
    pub fn at(watermark_ms: i64, allowed_lateness_ms: i64, untouched_since_ms: i64) -> Self {
        let lateness_ms = allowed_lateness_ms.min(SESSION_GAP_MS);
        Self {
            settled_ms: watermark_ms.saturating_sub(lateness_ms),
            untouched_since_ms,
            early: None,
        }
    }
}

/// A learner whose windows are settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    /// Grows with each entry that touches a learner of the shard; at least 1.
    pub version: u64,
    /// Log time of the last entry that touched it, ms.
    pub touched_ms: i64,
    /// Memory of the learner and its actor, bytes.
    pub memory_bytes: u64,
}

impl Retirement {
    /// The version up to which settled learners leave early: the least recently touched, as many as
    /// give back the shard's share of the surplus. 0 when none does.
    pub(super) fn early_until(&self, settled: impl Iterator<Item = Settled>) -> u64 {
        let Some(early) = self.early.filter(|early| early.idle_bytes > 0) else {
            return 0;
        };
        let mut settled_bytes = 0;
        let mut unused = Vec::new();
        for learner in settled {
            settled_bytes += learner.memory_bytes;
            if learner.touched_ms <= early.untouched_since_ms {
                unused.push((learner.version, learner.memory_bytes));
            }
        }
        unused.sort_unstable();
        let surplus_bytes = early.surplus_bytes.min(early.idle_bytes);
        let share = u128::from(surplus_bytes) * u128::from(settled_bytes);
        let mut wanted_bytes = share.div_ceil(early.idle_bytes.into());
        let mut until = 0;
        for (version, bytes) in unused {
            if wanted_bytes == 0 {
                break;
            }
            wanted_bytes = wanted_bytes.saturating_sub(bytes.into());
            until = version;
        }
        until
    }
}
