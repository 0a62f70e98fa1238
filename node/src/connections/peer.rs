//! One open connection, as its table and its calls see it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use slab::Slab;
use tokio_util::sync::CancellationToken;

/// One open connection. Clones are the same connection.
#[derive(Clone, Debug)]
pub struct Peer(pub(super) Arc<PeerState>);

#[derive(Debug)]
pub(super) struct PeerState {
    /// All times are counted from here, ms.
    epoch: Instant,
    /// Last sign of work: its opening, the begin or end of a call, bytes during a call.
    active_ms: AtomicU64,
    has_called: AtomicBool,
    /// Of each open call: when its answer's last part was handed over and not asked for since; 0
    /// while the connection asks for more.
    calls: Mutex<Slab<Arc<AtomicU64>>>,
    ended: CancellationToken,
}

/// A connection's claim to stay. A greater one stays longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    has_calls: bool,
    active_ms: u64,
}

impl Peer {
    pub(super) fn new(epoch: Instant, ended: CancellationToken) -> Self {
        Self(Arc::new(PeerState {
            epoch,
            active_ms: AtomicU64::new(ms_since(epoch)),
            has_called: AtomicBool::new(false),
            calls: Mutex::default(),
            ended,
        }))
    }

    /// Cancelled when the connection must close.
    pub fn ended(&self) -> &CancellationToken {
        &self.0.ended
    }

    pub(super) fn has_called(&self) -> bool {
        self.0.has_called.load(Ordering::Relaxed)
    }

    pub(super) fn claim(&self) -> Claim {
        Claim {
            has_calls: self.calls() > 0,
            active_ms: self.0.active_ms.load(Ordering::Relaxed),
        }
    }

    /// Calls that are open.
    pub(super) fn calls(&self) -> usize {
        self.0.calls.lock().len()
    }

    /// Bytes came. They count as work only during a call: a peer that dribbles a request's head,
    /// or answers pings, is silent.
    pub(super) fn received(&self) {
        if self.calls() > 0 {
            self.touch();
        }
    }

    pub(super) fn begin_call(&self) -> (usize, Arc<AtomicU64>) {
        self.touch();
        self.0.has_called.store(true, Ordering::Relaxed);
        let handed = Arc::new(AtomicU64::new(0));
        (self.0.calls.lock().insert(Arc::clone(&handed)), handed)
    }

    pub(super) fn end_call(&self, key: usize) {
        self.touch();
        self.0.calls.lock().try_remove(key);
    }

    /// Now, for the time of a part that was handed over. Never 0.
    pub(super) fn now_ms(&self) -> u64 {
        ms_since(self.0.epoch).max(1)
    }

    /// Whether an answer's part was not taken for `limit`.
    pub(super) fn is_stalled(&self, limit: Duration) -> bool {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let now_ms = self.now_ms();
        let calls = self.0.calls.lock();
        calls.iter().any(|(_, handed)| {
            let handed_ms = handed.load(Ordering::Relaxed);
            handed_ms > 0 && now_ms.saturating_sub(handed_ms) >= limit_ms
        })
    }

    fn touch(&self) {
        self.0.active_ms.store(self.now_ms(), Ordering::Relaxed);
    }
}

fn ms_since(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
}
