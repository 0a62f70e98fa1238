//! Revisions, recomputed from the windows that each entry touched, and from the watermark.

use std::collections::{BTreeMap, BTreeSet};

use homeroom_core::WindowShape;
use homeroom_core::learner::WindowState;
use homeroom_tests::oracle::NaiveEvent;

use crate::touches::{Accepted, starts_over, touched_by};

/// A learner's window: the learner, the shape, the start.
pub type Key = (String, WindowShape, i64);

/// The history of every window.
#[derive(Debug, Default)]
pub struct NaiveRevisions {
    events: BTreeMap<String, Accepted>,
    /// All windows with an event.
    known: BTreeSet<Key>,
    revisions: BTreeMap<Key, u32>,
    amended: BTreeSet<Key>,
}

impl NaiveRevisions {
    /// Applies one entry: its accepted events, and the watermark before and after it.
    pub fn entry(
        &mut self,
        shapes: &[WindowShape],
        accepted: &[NaiveEvent],
        (before_ms, after_ms): (i64, i64),
        lateness_ms: i64,
    ) {
        let mut raised: BTreeSet<Key> = BTreeSet::new();
        for event in accepted {
            let events = self.events.entry(event.user_id.clone()).or_default();
            for time_ms in touched_by(events, event) {
                for &shape in shapes {
                    for start_ms in starts_over(shape, time_ms) {
                        let key = (event.user_id.clone(), shape, start_ms);
                        self.known.insert(key.clone());
                        if start_ms + shape.size_ms <= before_ms {
                            raised.insert(key);
                        }
                    }
                }
            }
        }
        for key in raised {
            if before_ms >= key.2 + key.1.size_ms + lateness_ms {
                self.amended.insert(key.clone());
            }
            *self.revisions.entry(key).or_default() += 1;
        }
        let closes = |end_ms: i64| before_ms < end_ms && end_ms <= after_ms;
        for key in &self.known {
            if closes(key.2 + key.1.size_ms) {
                assert_eq!(self.revisions.insert(key.clone(), 1), None, "closed twice");
            }
        }
    }

    /// All windows, each with its revision and state.
    pub fn windows(
        &self,
        watermark_ms: i64,
        lateness_ms: i64,
    ) -> impl Iterator<Item = (&Key, u32, WindowState)> {
        self.known.iter().map(move |key| {
            let end_ms = key.2 + key.1.size_ms;
            let state = if watermark_ms < end_ms {
                WindowState::Open
            } else if self.amended.contains(key) {
                WindowState::Amended
            } else if watermark_ms < end_ms + lateness_ms {
                WindowState::Closed
            } else {
                WindowState::Settled
            };
            let revision = self.revisions.get(key).copied().unwrap_or_default();
            (key, revision, state)
        })
    }
}
