//! The open connections of one listener.

use std::{
    cmp::Reverse,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::peer::Peer;
use crate::observe::{ConnectionEnd, ConnectionMetrics};

/// Time between two searches for peers that do not read.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Bounds of a listener's connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Open connections; at least 1.
    pub connections_max: usize,
    /// Open calls of all connections together.
    pub calls_max: usize,
    /// A connection without a first call is closed after this.
    pub first_call_within: Duration,
    /// A connection whose peer takes nothing of an answer for this long is closed.
    pub stalled_after: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            calls_max: 4_096,
            first_call_within: Duration::from_secs(10),
            stalled_after: Duration::from_secs(30),
        }
    }
}

/// The open connections of one listener. Clones are the same table.
#[derive(Clone)]
pub struct ConnectionTable(Arc<Inner>);

struct Inner {
    limits: ConnectionLimits,
    epoch: Instant,
    room: Arc<Semaphore>,
    peers: Mutex<Slab<Peer>>,
    calls: AtomicUsize,
    /// Its children are the ends of the connections.
    ended: CancellationToken,
    metrics: ConnectionMetrics,
}

/// A connection's place in the table, until it is dropped.
pub(super) struct Place {
    table: ConnectionTable,
    key: usize,
    peer: Peer,
    _room: OwnedSemaphorePermit,
}

impl ConnectionTable {
    /// An empty table.
    pub fn new(limits: ConnectionLimits, metrics: ConnectionMetrics) -> Self {
        Self(Arc::new(Inner {
            room: Arc::new(Semaphore::new(limits.connections_max.max(1))),
            limits,
            epoch: Instant::now(),
            peers: Mutex::default(),
            calls: AtomicUsize::new(0),
            ended: CancellationToken::new(),
            metrics,
        }))
    }

    /// A place for a new connection. When all are taken, the connection with the least claim to its
    /// place is closed: the longest silent, one without calls before one with calls.
    pub(super) async fn admit(&self) -> Place {
        let room = Arc::clone(&self.0.room);
        let room = match Arc::clone(&room).try_acquire_owned() {
            Ok(room) => room,
            Err(_) => {
                self.make_room();
                let free = room.acquire_owned().await;
                free.expect("the semaphore is never closed")
            }
        };
        let peer = Peer::new(self.0.epoch, self.0.ended.child_token());
        let key = self.0.peers.lock().insert(peer.clone());
        self.0.metrics.open.increment(1.0);
        Place {
            table: self.clone(),
            key,
            peer,
            _room: room,
        }
    }

    /// Closes the connection with the least claim to its place.
    pub(super) fn make_room(&self) {
        let peers = self.0.peers.lock();
        let staying = peers.iter().map(|(_, peer)| peer);
        let staying = staying.filter(|peer| !peer.ended().is_cancelled());
        if let Some(least) = staying.min_by_key(|peer| peer.claim()) {
            self.end(least, ConnectionEnd::MadeRoom);
        }
    }

    /// Counts a call as open. `false` when there are too many; it is counted all the same.
    pub(super) fn begin_call(&self) -> bool {
        self.0.calls.fetch_add(1, Ordering::Relaxed) < self.0.limits.calls_max
    }

    pub(super) fn end_call(&self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// A call was refused. Closes the connection with the most calls, so that the next attempt
    /// finds room.
    pub(super) fn refuse_call(&self) {
        self.0.metrics.calls_refused.increment(1);
        let peers = self.0.peers.lock();
        let staying = peers.iter().map(|(_, peer)| peer);
        let staying = staying.filter(|peer| !peer.ended().is_cancelled());
        let greediest = staying.max_by_key(|peer| (peer.calls(), Reverse(peer.claim())));
        if let Some(greediest) = greediest {
            self.end(greediest, ConnectionEnd::MadeRoom);
        }
    }

    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.0.limits
    }

    pub(super) fn end(&self, peer: &Peer, why: ConnectionEnd) {
        self.count(why);
        peer.ended().cancel();
    }

    pub(super) fn count(&self, why: ConnectionEnd) {
        self.0.metrics.ended(why).increment(1);
    }

    /// Closes connections whose peers take nothing of their answers, without end.
    pub async fn sweep_forever(&self) {
        let every = SWEEP_EVERY.min(self.0.limits.stalled_after);
        loop {
            tokio::time::sleep(every).await;
            let peers = self.0.peers.lock();
            for (_, peer) in peers.iter() {
                if !peer.ended().is_cancelled() && peer.is_stalled(self.0.limits.stalled_after) {
                    self.end(peer, ConnectionEnd::Stalled);
                }
            }
        }
    }

    /// Closes all connections, and each later one at once.
    pub fn abort(&self) {
        self.0.ended.cancel();
    }
}

impl Place {
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(super) fn table(&self) -> &ConnectionTable {
        &self.table
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.0.peers.lock().try_remove(self.key);
        self.table.0.metrics.open.decrement(1.0);
    }
}
