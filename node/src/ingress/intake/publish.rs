//! Takes requests to the router and back.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use homeroom_core::{cluster::ClusterState, shard::Outcome};
use homeroom_proto::v1;
use tokio::sync::watch;

use super::{
    super::decode::DeliveryContext,
    admission::Admission,
    outcome::{refusal_of_all, to_outcomes, to_token},
};
use crate::{
    clock::LogClock,
    observe::metrics::{self, IngestMetrics},
    route::{Delivered, DeliveryError, RouteError, Router, UnderWay, Urgency},
};

/// Upper bound of deliveries per request. Even the smallest takes some memory.
const DELIVERIES_MAX: usize = 50_000;

/// Accepts requests, hands them to the router and measures them. Clones share it.
#[derive(Clone)]
pub struct Intake {
    router: Arc<Router>,
    pub(super) cluster: watch::Receiver<Arc<ClusterState>>,
    metrics: Arc<IngestMetrics>,
}

/// A request in the queues of its shards, whose outcomes are awaited.
pub struct PendingRequest {
    under_way: UnderWay,
    cluster_id: String,
    /// The details of what ingress refused or did not take, by delivery.
    details: Vec<(u32, String)>,
    measurement: Measurement,
}

/// What the measures of a request are taken from.
struct Measurement {
    /// By delivery: the age of an event on arrival, ms.
    ages_ms: Vec<Option<i64>>,
    received: Instant,
    metrics: Arc<IngestMetrics>,
}

/// The answer to a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt {
    /// One per delivery, in order.
    pub outcomes: Vec<v1::EventOutcome>,
    /// The id of each JSON delivery, given or derived; an empty text for a refused one. Empty for
    /// protobuf deliveries.
    pub event_ids: Vec<String>,
    /// The position at which all deliveries with an outcome are applied.
    pub position: v1::PositionToken,
    /// The common reason why no delivery has an outcome; `None` when one has, or when the reasons
    /// differ.
    pub refusal: Option<DeliveryError>,
}

/// Why nothing of a request is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The form of raw events is unknown.
    #[error("raw.format must be set to one of the contract's forms")]
    UnknownFormat,
    /// The cluster is not founded, so there are no settings to decode by.
    #[error("the cluster is not founded yet")]
    NotFounded,
    /// The request has too many deliveries.
    #[error("a request may have at most {DELIVERIES_MAX} events, this one has {0}")]
    TooMany(usize),
    /// The queues are full.
    #[error(transparent)]
    Route(#[from] RouteError),
}

impl Intake {
    /// An intake into the router's shards.
    pub fn new(
        router: Arc<Router>,
        cluster: watch::Receiver<Arc<ClusterState>>,
        metrics: Arc<IngestMetrics>,
    ) -> Self {
        Self {
            router,
            cluster,
            metrics,
        }
    }

    /// Hands a request of encoded events to the shards' queues. Requests are applied in the order
    /// in which they are handed over.
    ///
    /// # Errors
    /// When the request can't be read, or the queues are full and `urgency` does not wait. Nothing
    /// of it is stored then.
    pub async fn hand_over(
        &self,
        listener: &str,
        events: &[Bytes],
        raw: Option<&v1::RawEvents>,
        urgency: Urgency,
    ) -> Result<PendingRequest, IntakeError> {
        let deliveries = events.len() + raw.map_or(0, |raw| raw.payloads.len());
        let admit = |admission: &mut Admission<'_>| {
            events.iter().for_each(|event| admission.proto(event));
            raw.map_or(Ok(()), |raw| admit_raw(admission, raw))
        };
        let (taken, ()) = self.admit(listener, deliveries, urgency, admit).await?;
        Ok(taken)
    }

    /// Hands over the deliveries that `admit` adds.
    pub(in super::super) async fn admit<T>(
        &self,
        listener: &str,
        deliveries: usize,
        urgency: Urgency,
        admit: impl FnOnce(&mut Admission<'_>) -> Result<T, IntakeError>,
    ) -> Result<(PendingRequest, T), IntakeError> {
        let received = Instant::now();
        if deliveries > DELIVERIES_MAX {
            return Err(IntakeError::TooMany(deliveries));
        }
        let cluster = Arc::clone(&self.cluster.borrow());
        let founded = cluster.founded.as_ref().ok_or(IntakeError::NotFounded)?;
        let log_times_ms = self.log_times_ms();
        let context = DeliveryContext {
            log_times_ms: &log_times_ms,
            first_arrived_ms: None,
            listener,
            settings: &founded.settings,
            home_pages: Some(&self.metrics.home_pages),
        };
        let mut admission = Admission::new(context, deliveries);
        let admitted = admit(&mut admission)?;
        let count = admission.deliveries() as usize;
        let parts = admission.take_parts();
        let Admission {
            details, ages_ms, ..
        } = admission;
        let under_way = self
            .router
            .hand_over(count, parts, urgency)
            .await
            .inspect_err(|_| self.metrics.overloaded.increment(1))?;
        let taken = PendingRequest {
            under_way,
            cluster_id: founded.cluster_id.clone(),
            details,
            measurement: Measurement {
                ages_ms,
                received,
                metrics: Arc::clone(&self.metrics),
            },
        };
        Ok((taken, admitted))
    }

    /// Log time of each shard: it judges timestamps and dates statements without one.
    pub(super) fn log_times_ms(&self) -> Vec<Option<i64>> {
        LogClock::all_now_ms(self.router.shards().iter().map(|shard| shard.clock()))
    }

    /// Counts a request.
    pub fn count_request(&self, transport: metrics::Transport) {
        self.metrics.requests(transport).increment(1);
    }
}

impl PendingRequest {
    /// Waits until every delivery is durable and applied.
    pub async fn receipt(self) -> Receipt {
        let delivered = self.under_way.delivered().await;
        self.measurement.take(&delivered);
        Receipt {
            outcomes: to_outcomes(&delivered, &self.details),
            event_ids: Vec::new(),
            position: to_token(&self.cluster_id, &delivered.positions),
            refusal: refusal_of_all(&delivered),
        }
    }

    /// As [`Self::receipt`], but only the outcomes.
    pub(super) async fn outcomes(self) -> Vec<Result<Outcome, DeliveryError>> {
        let delivered = self.under_way.delivered().await;
        self.measurement.take(&delivered);
        delivered.outcomes
    }
}

impl Measurement {
    /// Measures a request. All its events have the same latency, so the clock is read once.
    fn take(&self, delivered: &Delivered) {
        let metrics = &self.metrics;
        let (mut counts, mut conflicts) = ([0_u64; metrics::Outcome::ALL.len()], 0);
        for outcome in &delivered.outcomes {
            let became = match outcome {
                Ok(Outcome::Accepted) => metrics::Outcome::Accepted,
                Ok(Outcome::Duplicate { conflicting, .. }) => {
                    conflicts += u64::from(*conflicting);
                    metrics::Outcome::Duplicate
                }
                Ok(Outcome::Shadowed) => metrics::Outcome::Shadowed,
                Ok(Outcome::DeadLettered(reason)) => {
                    metrics.dead_letters(*reason).increment(1);
                    metrics::Outcome::DeadLettered
                }
                Err(DeliveryError::Unknown) => metrics::Outcome::Unknown,
                Err(_) => metrics::Outcome::Retry,
            };
            counts[became as usize] += 1;
        }
        for became in metrics::Outcome::ALL {
            metrics.events(became).increment(counts[became as usize]);
        }
        metrics.conflicting.increment(conflicts);
        let accepted = counts[metrics::Outcome::Accepted as usize];
        let since_s = self.received.elapsed().as_secs_f64();
        metrics
            .insight_latency_seconds
            .record_many(since_s, accepted);
        let aged = delivered.outcomes.iter().zip(&self.ages_ms);
        let ages_s = aged
            .filter(|(outcome, _)| **outcome == Ok(Outcome::Accepted))
            .filter_map(|(_, age_ms)| *age_ms)
            .map(|age_ms| (age_ms as f64 / 1_000.0 + since_s).max(0.0));
        metrics.event_age_seconds.record_all(ages_s);
    }
}

impl Receipt {
    pub(in super::super) fn naming(self, event_ids: Vec<String>) -> Self {
        Self { event_ids, ..self }
    }

    /// Whether some deliveries have no outcome and must be sent again.
    pub fn is_partial(&self) -> bool {
        let is_open = |status| {
            matches!(
                status,
                v1::EventStatus::Retry | v1::EventStatus::Unspecified
            )
        };
        let mut outcomes = self.outcomes.iter();
        outcomes.any(|outcome| is_open(outcome.status()))
    }

    /// Whether it is unknown of some deliveries if they are stored.
    pub fn is_in_doubt(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.unknown)
    }
}

fn admit_raw(admission: &mut Admission<'_>, raw: &v1::RawEvents) -> Result<(), IntakeError> {
    match v1::RawFormat::try_from(raw.format) {
        Ok(v1::RawFormat::NativeJson) => {
            raw.payloads
                .iter()
                .for_each(|payload| admission.native(payload));
        }
        Ok(v1::RawFormat::XapiJson) => {
            raw.payloads
                .iter()
                .for_each(|payload| admission.xapi(payload, &raw.source));
        }
        _ if raw.payloads.is_empty() => {}
        _ => return Err(IntakeError::UnknownFormat),
    }
    Ok(())
}
