//! What a shard publishes after each entry.

use std::sync::Arc;

use homeroom_core::{
    EntryHash, Settings,
    shard::{Freshness, ReadPoint, ShardState},
};
use tokio::sync::watch;

use crate::clock::LogClock;

/// A shard as of its newest applied entry.
#[derive(Clone, Debug)]
pub struct View {
    /// Index of that entry; 0 before the first.
    pub applied_index: u64,
    /// The hash over all entries up to it.
    pub entry_hash: EntryHash,
    /// The point that reads see.
    pub at: ReadPoint,
    /// The watermark and the sources.
    pub freshness: Freshness,
    /// How far the watermark is behind what the sources' delays explain, ms of event time.
    pub watermark_lag_ms: i64,
    /// The settings in force.
    pub settings: Arc<Settings>,
    /// Log time, ms.
    pub log_time_ms: i64,
    /// Log time of the newest accepted event, where it is known.
    pub clock_raised_ms: Option<i64>,
    /// Log time at which the next tick is due; `None` when none is.
    pub next_due_ms: Option<i64>,
}

impl View {
    /// The view of a shard's state after the entry at an index.
    pub fn of(state: &ShardState, index: u64) -> Self {
        Self {
            applied_index: index,
            entry_hash: state.entry_hash(),
            at: state.read_point(),
            freshness: state.freshness(),
            watermark_lag_ms: state.watermark_lag_ms(),
            settings: Arc::clone(state.settings()),
            log_time_ms: state.log_time_ms(),
            clock_raised_ms: state.clock_raised_ms(),
            next_due_ms: state.next_due_ms(),
        }
    }
}

/// Publishes a shard's views.
pub struct ViewPublisher {
    clock: Arc<LogClock>,
    view: watch::Sender<Arc<View>>,
    due: watch::Sender<Option<i64>>,
}

/// Receives a shard's views.
pub struct Views {
    /// The newest view.
    pub view: watch::Receiver<Arc<View>>,
    /// Log time at which the next tick is due, ms. Changes only when that becomes earlier.
    pub due: watch::Receiver<Option<i64>>,
}

impl ViewPublisher {
    /// Begins with the recovered state's view. The log time of each view is a lower bound of the
    /// clock's.
    pub fn new(first: View, clock: Arc<LogClock>) -> (Self, Views) {
        clock.committed(first.log_time_ms);
        let (due_sender, due) = watch::channel(first.next_due_ms);
        let (sender, view) = watch::channel(Arc::new(first));
        let publisher = Self {
            clock,
            view: sender,
            due: due_sender,
        };
        (publisher, Views { view, due })
    }

    /// Replaces the newest view.
    pub fn publish(&self, view: View) {
        self.clock.committed(view.log_time_ms);
        note_due(&self.due, view.next_due_ms);
        self.view.send_replace(Arc::new(view));
    }
}

/// Records when the next tick is due. Wakes the ticker only when that becomes earlier: most entries
/// move it later, and the ticker checks it when its timer fires.
fn note_due(due: &watch::Sender<Option<i64>>, next_ms: Option<i64>) {
    due.send_if_modified(|due_ms| {
        let is_earlier = next_ms.is_some_and(|next| due_ms.is_none_or(|due| next < due));
        *due_ms = next_ms;
        is_earlier
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticker_wakes_only_for_what_is_due_earlier() {
        let (due, mut ticker) = watch::channel(None);
        let mut notified = |next_ms| {
            note_due(&due, next_ms);
            let is_notified = ticker.has_changed().expect("a sender");
            (is_notified, *ticker.borrow_and_update())
        };
        assert_eq!(notified(Some(500)), (true, Some(500)), "something at all");
        assert_eq!(notified(Some(500)), (false, Some(500)));
        assert_eq!(notified(Some(900)), (false, Some(900)), "put off");
        assert_eq!(notified(Some(899)), (true, Some(899)));
        assert_eq!(notified(None), (false, None), "nothing any more");
        assert_eq!(notified(Some(1_000)), (true, Some(1_000)));
    }
}
