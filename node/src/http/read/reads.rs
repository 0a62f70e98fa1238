//! The services that reads are asked of, once the node is ready.

use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::error::ReadError;
use crate::observe::Readiness;

/// What the handlers of reads work with. Clones share it.
pub struct Reads<L, C> {
    opened: Arc<OnceLock<Opened<L, C>>>,
    readiness: watch::Receiver<Readiness>,
    watches: Arc<Semaphore>,
}

struct Opened<L, C> {
    learners: Arc<L>,
    courses: Arc<C>,
    cluster_id: String,
}

impl<L, C> Clone for Reads<L, C> {
    fn clone(&self) -> Self {
        Self {
            opened: Arc::clone(&self.opened),
            readiness: self.readiness.clone(),
            watches: Arc::clone(&self.watches),
        }
    }
}

impl<L, C> Reads<L, C> {
    /// Answers nothing yet. At most so many watches are open at once, so that they leave connections to others.
    pub fn closed(readiness: watch::Receiver<Readiness>, watches_max: usize) -> Self {
        Self {
            opened: Arc::default(),
            readiness,
            watches: Arc::new(Semaphore::new(watches_max.max(1))),
        }
    }

    /// From now on these are asked.
    pub fn open(&self, learners: Arc<L>, courses: Arc<C>, cluster_id: String) {
        // Opened once: a node starts once.
        let _ = self.opened.set(Opened {
            learners,
            courses,
            cluster_id,
        });
    }

    pub(super) fn learners(&self) -> Result<&L, ReadError> {
        Ok(&self.ready()?.learners)
    }

    pub(super) fn courses(&self) -> Result<&C, ReadError> {
        Ok(&self.ready()?.courses)
    }

    /// The cluster that positions belong to; empty before there is one.
    pub(super) fn cluster_id(&self) -> &str {
        let opened = self.opened.get();
        opened.map_or("", |opened| &opened.cluster_id)
    }

    /// Room for a watch, given back when dropped.
    pub(super) fn begin_watch(&self) -> Result<OwnedSemaphorePermit, ReadError> {
        let room = Arc::clone(&self.watches).try_acquire_owned();
        room.map_err(|_| ReadError::unavailable("as many watches are open as may be"))
    }

    /// Returns when the node is no longer ready.
    pub(super) fn closing(&self) -> impl Future<Output = ()> + Send + use<L, C> {
        let mut readiness = self.readiness.clone();
        async move {
            // Whoever tells of it going away says the same.
            let _ = readiness
                .wait_for(|readiness| readiness.reason().is_some())
                .await;
        }
    }

    fn ready(&self) -> Result<&Opened<L, C>, ReadError> {
        let reason = self.readiness.borrow().reason().map(str::to_owned);
        match (reason, self.opened.get()) {
            (None, Some(opened)) => Ok(opened),
            (reason, _) => {
                let reason = reason.unwrap_or_else(|| "the node is starting".to_owned());
                Err(ReadError::unavailable(&reason))
            }
        }
    }
}
