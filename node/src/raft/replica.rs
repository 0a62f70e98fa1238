//! What a group and openraft's state machine share of a replica.

use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
};

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{
    config::{GroupConfig, GroupResources},
    replicated::Replicated,
    seal::Seal,
    types::{LogId, Membership},
};

/// A replica's state, and how far it is.
pub(super) struct Replica<R> {
    pub config: GroupConfig,
    pub resources: GroupResources,
    /// Locked while an entry is applied.
    pub machine: Mutex<Machine<R>>,
    pub progress: watch::Sender<Progress>,
    /// Position of the newest durable checkpoint. Locked while one is made or a base is installed,
    /// so that there is one at a time.
    pub checkpointed: Mutex<Option<LogId>>,
    /// Locked while the group's records are written or must not change, so that no task blocks a
    /// thread of the store for that.
    pub records: Mutex<()>,
    /// The index that a requested base must have at least.
    pub wanted_base: AtomicU64,
    pub unsaved_bytes: watch::Receiver<u64>,
    pub seal: Seal,
    /// Why the replica has ended by itself; `None` while it has not.
    pub failed: watch::Sender<Option<Arc<str>>>,
    /// Cancelled when the group stops.
    pub stop: CancellationToken,
}

/// What is replicated.
pub(super) struct Machine<R> {
    /// Payload bytes applied since the last base was requested.
    pub bytes_since_base: u64,
    /// Payload bytes applied since the last capture.
    pub bytes_since_capture: u64,
    pub replicated: R,
}

/// How far a replica is. Published before the proposer of an entry is answered.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Whether the stored state is in memory; before that `applied` is what the store says.
    pub is_restored: bool,
    /// Whether it has come to where the store said that it is; before that nothing else is applied.
    pub is_loaded: bool,
    pub applied: Option<LogId>,
    pub membership: Membership,
}

impl Progress {
    /// Whether the entry at an index is in the loaded state.
    pub fn has_applied(&self, index: u64) -> bool {
        self.is_loaded && self.applied.is_some_and(|applied| applied.index >= index)
    }
}

impl<R: Replicated> Replica<R> {
    /// A replica whose state is not loaded yet. The store says that it is as of `claimed`.
    pub fn of(
        config: GroupConfig,
        resources: GroupResources,
        claimed: Option<(LogId, Membership)>,
        replicated: R,
    ) -> Arc<Self> {
        let (applied, membership) = claimed.unzip();
        Arc::new(Self {
            unsaved_bytes: replicated.unsaved_bytes(),
            machine: Mutex::new(Machine {
                bytes_since_base: 0,
                bytes_since_capture: 0,
                replicated,
            }),
            progress: watch::Sender::new(Progress {
                is_restored: false,
                is_loaded: false,
                applied,
                membership: membership.unwrap_or_default(),
            }),
            checkpointed: Mutex::new(applied),
            records: Mutex::new(()),
            wanted_base: AtomicU64::new(0),
            seal: Seal::default(),
            failed: watch::Sender::new(None),
            stop: CancellationToken::new(),
            config,
            resources,
        })
    }

    /// Notes that the replica can't go on. The first reason stays.
    pub fn fail(&self, why: &str) {
        let is_first = self.failed.send_if_modified(|reason| {
            let is_first = reason.is_none();
            if is_first {
                *reason = Some(why.into());
            }
            is_first
        });
        if is_first {
            tracing::error!(group = self.config.name, "its replica here ends: {why}");
        }
    }

    /// Why the replica has ended by itself.
    pub fn failure(&self) -> Option<Arc<str>> {
        self.failed.borrow().clone()
    }

    /// Returns once the state is loaded.
    ///
    /// # Errors
    /// The reason when the replica fails before.
    pub async fn loaded(&self) -> io::Result<()> {
        let loaded = self.reach(|progress| progress.is_loaded).await;
        loaded.map_err(|why| io::Error::other(why.as_ref()))
    }

    /// Returns once the replica has ended, by itself or with its group; the reason.
    pub async fn ended(&self) -> Arc<str> {
        let mut failed = self.failed.subscribe();
        tokio::select! {
            biased;
            // The sender lives as long as this.
            _ = failed.wait_for(Option::is_some) => {}
            () = self.stop.cancelled() => {}
        }
        self.failure().unwrap_or_else(|| "it has stopped".into())
    }

    /// Returns once the replica has come so far.
    ///
    /// # Errors
    /// The reason when the replica ends before.
    pub async fn reach(&self, is_reached: impl FnMut(&Progress) -> bool) -> Result<(), Arc<str>> {
        let mut progress = self.progress.subscribe();
        tokio::select! {
            biased;
            // The sender lives as long as this.
            _ = progress.wait_for(is_reached) => Ok(()),
            why = self.ended() => Err(why),
        }
    }
}
