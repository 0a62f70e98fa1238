//! What the handlers work with.

use std::sync::Arc;

use tokio::sync::watch;

use crate::observe::{Metrics, Readiness};

use super::{body::BodyLimits, gate::Gate};

/// What the handlers work with.
pub struct HttpState<I> {
    /// Takes events in.
    pub intake: Gate<I>,
    /// What is shown, and where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Whether the node can do its work.
    pub readiness: watch::Receiver<Readiness>,
    /// What bodies may take.
    pub bodies: BodyLimits,
}
