//! Metrics of the listeners' connections.

use metrics::{Counter, Gauge};

use super::registry::Registry;

/// Why the node closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// All places, or all calls, were taken.
    MadeRoom,
    /// It brought no call in time.
    Silent,
    /// Its peer did not read.
    Stalled,
}

/// Metrics of one listener's connections.
#[derive(Clone)]
pub struct ConnectionMetrics {
    /// Open connections.
    pub open: Gauge,
    /// Calls refused because all were taken.
    pub calls_refused: Counter,
    ended: [Counter; 3],
}

/// Metrics of both listeners' connections.
pub struct ListenerMetrics {
    /// Of gRPC.
    pub grpc: ConnectionMetrics,
    /// Of HTTP.
    pub http: ConnectionMetrics,
}

const OPEN: &str = "homeroom_connections";
const ENDED: &str = "homeroom_connections_closed_total";
const REFUSED: &str = "homeroom_calls_refused_total";

impl ListenerMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        registry.describe_gauge(OPEN, "Open connections, by listener");
        registry.describe_counter(ENDED, "Connections that the node closed, by reason");
        registry.describe_counter(REFUSED, "Calls refused because all were taken");
        Self {
            grpc: ConnectionMetrics::new(registry, "grpc"),
            http: ConnectionMetrics::new(registry, "http"),
        }
    }
}

impl ConnectionMetrics {
    fn new(registry: &Registry, listener: &'static str) -> Self {
        let ended = |reason| registry.counter(ENDED, &[("listener", listener), ("reason", reason)]);
        Self {
            open: registry.gauge(OPEN, &[("listener", listener)]),
            calls_refused: registry.counter(REFUSED, &[("listener", listener)]),
            ended: ["made_room", "silent", "stalled"].map(ended),
        }
    }

    /// Connections that the node closed for this reason.
    pub fn ended(&self, why: ConnectionEnd) -> &Counter {
        &self.ended[why as usize]
    }
}
