//! The log clock of a shard's replica.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    NS_PER_MS,
    anchor::Anchor,
    reading::ClockReading,
    time_source::TimeSource,
    voters::{LOG_APART_MAX_NS, Now, PLAUSIBLE_NS, Voters},
};

/// In place of an offset: there is no anchor.
const UNANCHORED: i64 = i64::MIN;

/// Log time of one shard on this replica: an anchor, and the machine's own time since.
///
/// Without an anchor there is no log time. A follower is anchored by its leader's readings, a
/// leader without an anchor by a quorum of voters. From then on wall clocks are asked only by
/// [`observe`](Self::observe), and followed slowly. It never goes back.
pub struct LogClock {
    time: Arc<dyn TimeSource>,
    state: Mutex<State>,
    /// The anchor's offset, so that a reading takes no lock, ns.
    offset_ns: AtomicI64,
    /// Notified of an anchor, and before there is one of each reading of a voter.
    changed: Notify,
}

#[derive(Default)]
struct State {
    anchor: Option<Anchor>,
    /// The newest committed log time that is known, ns.
    committed_ns: Option<i64>,
    voters: Voters,
}

impl State {
    fn committed_ns(&self) -> i64 {
        self.committed_ns.unwrap_or(i64::MIN)
    }
}

impl LogClock {
    /// A clock without an anchor.
    pub fn new(time: Arc<dyn TimeSource>) -> Arc<Self> {
        Arc::new(Self {
            time,
            state: Mutex::default(),
            offset_ns: AtomicI64::new(UNANCHORED),
            changed: Notify::new(),
        })
    }

    /// Log time now, ms since the epoch; `None` without an anchor. No reading is earlier than one
    /// before it.
    pub fn now_ms(&self) -> Option<i64> {
        let offset_ns = self.anchored_ns()?;
        Some(shown_ms(self.time.since_boot_ns(), offset_ns))
    }

    /// Log time of several clocks now, which must have the same time source: that is read once.
    pub fn all_now_ms<'c>(clocks: impl Iterator<Item = &'c Self>) -> Vec<Option<i64>> {
        let mut since_boot_ns = None;
        let now_ms = |clock: &Self| {
            let boot_ns = *since_boot_ns.get_or_insert_with(|| clock.time.since_boot_ns());
            Some(shown_ms(boot_ns, clock.anchored_ns()?))
        };
        clocks.map(now_ms).collect()
    }

    /// An applied entry has this log time, ms. It is a lower bound of log time, no anchor: it says
    /// when the entry was written, not what time it is now.
    pub fn committed(&self, log_time_ms: i64) {
        let committed_ns = log_time_ms.saturating_mul(NS_PER_MS);
        self.adjust(|state, now| {
            state.committed_ns = state.committed_ns.max(Some(committed_ns));
            if let Some(anchor) = &mut state.anchor {
                anchor.raise(now.boot_ns, committed_ns);
            }
        });
    }

    /// This replica's clocks now.
    pub fn reading(&self) -> ClockReading {
        ClockReading {
            wall_ms: self.time.wall_ms(),
            log_ms: self.now_ms(),
        }
    }

    /// Takes the reading of this replica's leader. It anchors a clock without an anchor. One that
    /// has an anchor follows a later log clock at most at ten times real time, so that no single
    /// reading moves it far. One without is not anchored more than a day beyond the committed log
    /// time and its own wall clock, if that was ever set: entries of the leader come first.
    pub fn heard_leader(&self, reading: ClockReading) {
        let Some(log_ms) = reading.log_ms else {
            return;
        };
        let log_ns = log_ms.saturating_mul(NS_PER_MS);
        self.adjust(|state, now| {
            let committed_ns = state.committed_ns();
            let latest_ns = if PLAUSIBLE_NS.contains(&now.wall_ns) {
                let newest_ns = committed_ns.max(now.wall_ns);
                newest_ns.saturating_add(LOG_APART_MAX_NS)
            } else {
                let latest_ns = committed_ns.saturating_add(LOG_APART_MAX_NS);
                latest_ns.max(*PLAUSIBLE_NS.end())
            };
            match &mut state.anchor {
                Some(anchor) => anchor.follow(now.boot_ns, log_ns),
                None if log_ns <= latest_ns => {
                    state.anchor = Some(Anchor::new(now.boot_ns, log_ns.max(committed_ns)));
                }
                None => {}
            }
        });
    }

    /// Takes the reading of another replica. What is known of voters that were not heard for 5 s is
    /// not used.
    pub fn heard_voter(&self, voter: u64, reading: ClockReading) {
        let is_awaited = self.adjust(|state, now| {
            state.voters.hear(voter, now.boot_ns, reading);
            state.anchor.is_none()
        });
        if is_awaited {
            self.changed.notify_waiters();
        }
    }

    /// Anchors the clock of a leader that has no anchor, once a quorum of the voters was heard,
    /// itself included: at the latest log clock among them, else at the median of their wall
    /// clocks, and never before a committed log time. One voter is a quorum by itself.
    ///
    /// Returns whether the clock has an anchor.
    pub fn anchor(&self, me: u64, voters: &BTreeSet<u64>) -> bool {
        self.adjust(|state, now| {
            if state.anchor.is_none()
                && let Some(quorum) = state.voters.quorum(me, voters, now)
            {
                let start_ns = quorum.start_ns(state.committed_ns());
                state.anchor = Some(Anchor::new(now.boot_ns, start_ns));
            }
            state.anchor.is_some()
        })
    }

    /// Compares the clock of a leader with the median of the voters' wall clocks; does nothing
    /// without an anchor, or when less than a quorum of the voters was heard within 5 s. To be
    /// called every second.
    pub fn observe(&self, me: u64, voters: &BTreeSet<u64>) {
        self.adjust(|state, now| {
            if let Some(anchor) = &mut state.anchor
                && let Some(quorum) = state.voters.quorum(me, voters, now)
            {
                anchor.observe(now.boot_ns, quorum.wall_ns());
            }
        });
    }

    /// Waits for an anchor. Once there is one, there always is.
    pub async fn anchored(&self) {
        self.until(|| self.now_ms().is_some()).await;
    }

    /// Waits until [`anchor`](Self::anchor) succeeds: tries it at each reading of a voter.
    pub async fn anchor_when_heard(&self, me: u64, voters: &BTreeSet<u64>) {
        self.until(|| self.anchor(me, voters)).await;
    }

    /// Whether it runs at ten times real time at present, to catch up with the wall clocks.
    pub fn is_catching_up(&self) -> bool {
        let boot_ns = self.time.since_boot_ns();
        let anchor = self.state.lock().anchor;
        anchor.is_some_and(|anchor| anchor.is_catching_up(boot_ns))
    }

    /// The anchor's offset, ns.
    fn anchored_ns(&self) -> Option<i64> {
        let offset_ns = self.offset_ns.load(Ordering::Acquire);
        (offset_ns != UNANCHORED).then_some(offset_ns)
    }

    async fn until(&self, is_done: impl Fn() -> bool) {
        loop {
            // Before the check, so that no change after it is missed.
            let changed = self.changed.notified();
            if is_done() {
                return;
            }
            changed.await;
        }
    }

    fn adjust<T>(&self, change: impl FnOnce(&mut State, Now) -> T) -> T {
        let mut state = self.state.lock();
        let now = Now {
            boot_ns: self.time.since_boot_ns(),
            wall_ns: self.time.wall_ns(),
        };
        let had_anchor = state.anchor.is_some();
        let done = change(&mut state, now);
        if let Some(anchor) = state.anchor {
            self.offset_ns.store(anchor.offset_ns(), Ordering::Release);
            if !had_anchor {
                self.changed.notify_waiters();
            }
        }
        done
    }
}

fn shown_ms(boot_ns: i64, offset_ns: i64) -> i64 {
    boot_ns.saturating_add(offset_ns).div_euclid(NS_PER_MS)
}
