//! Holds back requests until the node is ready.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::observe::Readiness;

/// Returns a service once it is set by [`Gate::open`], and only while the node is ready. Clones
/// share the service.
pub struct Gate<S> {
    service: Arc<OnceLock<S>>,
    readiness: watch::Receiver<Readiness>,
}

/// Why the node is not ready.
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
    /// A gate without a service. Every request is refused until [`Gate::open`].
    pub fn closed(readiness: watch::Receiver<Readiness>) -> Self {
        Self {
            service: Arc::default(),
            readiness,
        }
    }

    /// Sets the service. A second call has no effect: a node starts once.
    pub fn open(&self, service: S) {
        let _ = self.service.set(service);
    }

    /// Returns the service.
    ///
    /// # Errors
    /// When the node is not ready, or the service is not set yet.
    pub(super) fn service(&self) -> Result<&S, Closed> {
        let reason = self.readiness.borrow().reason().map(str::to_owned);
        match (reason, self.service.get()) {
            (None, Some(service)) => Ok(service),
            (reason, _) => Err(Closed(
                reason.unwrap_or_else(|| "the node is starting".to_owned()),
            )),
        }
    }

    /// Completes when the node is no longer ready.
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
