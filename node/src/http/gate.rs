//! Services that are used only while the node is ready.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::observe::Readiness;

/// Gives out a service from [`Gate::open`] on, while the node is ready. Clones share it.
pub struct Gate<S> {
    service: Arc<OnceLock<S>>,
    readiness: watch::Receiver<Readiness>,
}

/// The node is not ready, for this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed(pub String);

impl<S> Clone for Gate<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            readiness: self.readiness.clone(),
        }
    }
}

impl<S> Gate<S> {
    /// A gate without a service yet.
    pub fn closed(readiness: watch::Receiver<Readiness>) -> Self {
        Self {
            service: Arc::default(),
            readiness,
        }
    }

    /// Sets the service. A node starts once, so that a second call has no effect.
    pub fn open(&self, service: S) {
        let _ = self.service.set(service);
    }

    /// The service.
    ///
    /// # Errors
    /// When the node is not ready, or has not opened the gate.
    pub(super) fn service(&self) -> Result<&S, Closed> {
        let reason = self.readiness.borrow().reason().map(str::to_owned);
        match (reason, self.service.get()) {
            (None, Some(service)) => Ok(service),
            (reason, _) => Err(Closed(
                reason.unwrap_or_else(|| "the node is starting".to_owned()),
            )),
        }
    }

    /// Returns when the node is no longer ready.
    pub(super) fn closing(&self) -> impl Future<Output = ()> + Send + use<S> {
        let mut readiness = self.readiness.clone();
        async move {
            // An error means that the sender was dropped: the node has ended.
            let _ = readiness
                .wait_for(|readiness| readiness.reason().is_some())
                .await;
        }
    }
}
