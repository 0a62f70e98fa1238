//! Metrics of ingress.

use std::sync::Arc;

use homeroom_core::Reason;
use metrics::{Counter, Gauge, Histogram};

use super::event_histogram::EventHistogram;
use super::registry::Registry;
use super::source::SourceMetrics;
use crate::observe::home_pages::HomePages;

/// Metrics of ingress.
pub struct IngestMetrics {
    /// From the receipt of an event until it is visible to queries, s; one observation for each
    /// accepted event. This is the product's main figure.
    pub insight_latency_seconds: Arc<EventHistogram>,
    /// From an event's own time until it is visible to queries, s; one observation for each
    /// accepted event.
    pub event_age_seconds: Arc<EventHistogram>,
    /// Events in a log entry.
    pub entry_events: Histogram,
    /// gRPC calls and streams that are open.
    pub grpc_in_flight: Gauge,
    /// Publish requests refused because a queue or the memory is full.
    pub overloaded: Counter,
    /// Duplicates with other content than the first delivery.
    pub conflicting: Counter,
    /// Deliveries by source.
    pub sources: SourceMetrics,
    /// Not rendered; the diagnosis reports them.
    pub home_pages: HomePages,
    requests: [Counter; 3],
    events: [Counter; Outcome::ALL.len()],
    dead_letters: [Counter; Reason::ALL.len()],
}

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Accepted,
    /// An event with the same identity was accepted before.
    Duplicate,
    /// Ignored, because another source is authoritative.
    Shadowed,
    /// Refused, and kept as a dead letter.
    DeadLettered,
    /// Not stored; the sender is to retry.
    Retry,
    /// It may or may not be stored; the sender is to retry.
    Unknown,
}

/// The way by which events arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `Publish`.
    Grpc,
    /// A message of `PublishStream`.
    GrpcStream,
    /// A request over HTTP.
    Http,
}

impl Outcome {
    /// All variants, in order.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Shadowed,
        Self::DeadLettered,
        Self::Retry,
        Self::Unknown,
    ];

    /// Their labels, in the same order.
    pub(super) const NAMES: [&'static str; 6] = [
        "accepted",
        "duplicate",
        "shadowed",
        "dead_lettered",
        "retry",
        "unknown",
    ];
}

impl IngestMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        Self {
            insight_latency_seconds: registry.event_histogram(
                "homeroom_insight_latency_seconds",
                "From the receipt of an event until queries see it",
            ),
            event_age_seconds: registry.event_histogram(
                "homeroom_event_age_seconds",
                "From an event's own time until queries see it",
            ),
            entry_events: registry.one_histogram("homeroom_entry_events", "Events in a log entry"),
            grpc_in_flight: registry.one_gauge(
                "homeroom_grpc_in_flight",
                "gRPC calls and streams that are open",
            ),
            overloaded: registry.one_counter(
                "homeroom_publish_overloaded_total",
                "Publish requests refused for want of room",
            ),
            conflicting: registry.one_counter(
                "homeroom_events_conflicting_total",
                "Duplicates with other content than the first delivery",
            ),
            sources: SourceMetrics::new(Arc::clone(registry)),
            home_pages: HomePages::default(),
            requests: registry.counters(
                "homeroom_publish_requests_total",
                "Publish requests, and messages of publish streams",
                "transport",
                ["grpc", "grpc_stream", "http"],
            ),
            events: registry.counters(
                "homeroom_events_total",
                "Deliveries of events, by what became of them",
                "outcome",
                Outcome::NAMES,
            ),
            dead_letters: registry.counters(
                "homeroom_dead_letters_total",
                "Events refused and kept, by reason",
                "reason",
                Reason::ALL.map(Reason::name),
            ),
        }
    }

    /// Publish requests, and messages of publish streams.
    pub fn requests(&self, transport: Transport) -> &Counter {
        &self.requests[transport as usize]
    }

    /// Deliveries of events.
    pub fn events(&self, outcome: Outcome) -> &Counter {
        &self.events[outcome as usize]
    }

    /// Events refused and kept.
    pub fn dead_letters(&self, reason: Reason) -> &Counter {
        &self.dead_letters[reason as usize]
    }
}
