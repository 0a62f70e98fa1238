//! The state of the handlers.

use std::sync::Arc;

use tokio::sync::watch;

use crate::observe::{Metrics, Readiness};

use super::{body::BodyLimits, gate::Gate};

/// The state of the handlers.
pub struct HttpState<I> {
    /// Accepts events and statements.
    pub intake: Gate<I>,
    /// The metrics to show and to count in.
    pub metrics: Arc<Metrics>,
    /// The readiness to report.
    pub readiness: watch::Receiver<Readiness>,
    /// The bounds of request bodies.
    pub bodies: BodyLimits,
}
