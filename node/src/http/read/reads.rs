//! The services behind the reads.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::{error::HttpError, gate::Gate};

/// The state of the read handlers. Clones share it.
pub struct Reads<L, C> {
    gate: Gate<ReadServices<L, C>>,
    watches: Arc<Semaphore>,
}

/// The services that answer reads.
pub struct ReadServices<L, C> {
    /// Answers reads of learners.
    pub learners: Arc<L>,
    /// Answers reads of courses.
    pub courses: Arc<C>,
    /// The cluster that positions belong to.
    pub cluster_id: String,
}

impl<L, C> Clone for Reads<L, C> {
    fn clone(&self) -> Self {
        Self {
            gate: self.gate.clone(),
            watches: Arc::clone(&self.watches),
        }
    }
}

impl<L, C> Reads<L, C> {
    /// Allows `watches_max` open watches, so that other requests find free connections.
    pub fn new(gate: Gate<ReadServices<L, C>>, watches_max: usize) -> Self {
        Self {
            gate,
            watches: Arc::new(Semaphore::new(watches_max.max(1))),
        }
    }

    pub(super) fn services(&self) -> Result<&ReadServices<L, C>, HttpError> {
        Ok(self.gate.service()?)
    }

    /// Reserves a place for a watch. Dropping the permit releases it.
    pub(super) fn begin_watch(&self) -> Result<OwnedSemaphorePermit, HttpError> {
        let room = Arc::clone(&self.watches).try_acquire_owned();
        room.map_err(|_| HttpError::Unavailable("as many watches are open as may be".to_owned()))
    }

    /// Completes when the node is no longer ready.
    pub(super) fn closing(&self) -> impl Future<Output = ()> + Send + use<L, C> {
        self.gate.closing()
    }
}
