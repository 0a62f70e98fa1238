//! The summary at the end of a demo, checked against the node's own counters.

use std::collections::BTreeMap;

use homeroom_client::Client;
use homeroom_proto::v1::{DeadLetterFilter, ScanWindowsRequest, SourceCounters, WindowState};
use serde::Serialize;

use super::view::grouped;
use crate::demo::{error::DemoError, publish::Snapshot};

/// The length of the windows that are counted, ms.
const WINDOW_MS: i64 = 60_000;

/// The JSON document: the keys of `homeroom ingest --json`, and the demo's own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    received: u64,
    accepted: u64,
    duplicate: u64,
    shadowed: u64,
    /// By reason.
    dead_lettered: BTreeMap<String, u64>,
    /// Events that may or may not be stored. Above 0 only if the demo fails.
    unknown: u64,
    /// From the first event published to the last, s.
    seconds: f64,
    events_per_second: f64,
    learners: usize,
    seed: u64,
    /// Windows of one minute that the watermark has passed.
    windows_closed: u64,
    /// From sending an event to the answer of a query that shows it, over live events; null without
    /// one.
    insight_p50_ms: Option<f64>,
    insight_p99_ms: Option<f64>,
    /// The number of measurements.
    insight_probes: u64,
    /// From the event's own time to the same answer.
    event_age_p50_ms: Option<f64>,
    /// The node's own counters, by source.
    sources: Vec<Counters>,
}

/// One source's counters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counters {
    source: String,
    received: u64,
    accepted: u64,
    duplicate: u64,
    shadowed: u64,
    dead_lettered: u64,
}

/// Received, accepted, duplicate, shadowed, dead-lettered.
type Totals = [u64; 5];

impl Summary {
    /// Queries the node's counters, and compares them with the acknowledgements.
    ///
    /// # Errors
    /// When the node does not answer, or the counts differ.
    pub async fn of(
        snapshot: Snapshot,
        (learners, seed): (usize, u64),
        seconds: f64,
        client: &Client,
    ) -> Result<Self, DemoError> {
        let all = DeadLetterFilter::default();
        let sources = client.summarize_dead_letters(all).await?.sources;
        let tally = &snapshot.tally;
        let acknowledged = [
            tally.received(),
            tally.accepted,
            tally.duplicate,
            tally.shadowed,
            tally.dead_lettered(),
        ];
        let counted = total(&sources);
        if counted != acknowledged {
            return Err(DemoError::Differ {
                counted: in_words(counted),
                acknowledged: in_words(acknowledged),
            });
        }
        let thousandths = |value: f64| (value * 1_000.0).round() / 1_000.0;
        let insight = snapshot.insight;
        Ok(Self {
            received: tally.received(),
            accepted: tally.accepted,
            duplicate: tally.duplicate,
            shadowed: tally.shadowed,
            dead_lettered: tally.dead_lettered_by_reason().collect(),
            unknown: tally.unknown,
            seconds: thousandths(seconds),
            events_per_second: thousandths(tally.received() as f64 / seconds.max(1e-9)),
            learners,
            seed,
            windows_closed: windows_closed(client).await?,
            insight_p50_ms: insight.map(|latency| thousandths(latency.p50_ms)),
            insight_p99_ms: insight.map(|latency| thousandths(latency.p99_ms)),
            insight_probes: insight.map_or(0, |latency| latency.count),
            event_age_p50_ms: snapshot.age_p50_ms.map(thousandths),
            sources: sources.into_iter().map(Counters::of).collect(),
        })
    }

    /// The summary as lines of text.
    pub fn lines(&self) -> Vec<String> {
        let refused: u64 = self.dead_lettered.values().sum();
        let mut lines = vec![
            format!(
                "{} received = {} accepted + {} duplicate + {} shadowed + {} refused; {} unknown",
                grouped(self.received),
                grouped(self.accepted),
                grouped(self.duplicate),
                grouped(self.shadowed),
                grouped(refused),
                grouped(self.unknown),
            ),
            format!(
                "the node's own counters say the same; {} windows of a minute are closed",
                grouped(self.windows_closed)
            ),
        ];
        if let (Some(p50), Some(p99)) = (self.insight_p50_ms, self.insight_p99_ms) {
            lines.push(format!(
                "sent to shown by a query: p50 {p50:.1} ms, p99 {p99:.1} ms, measured {} times",
                grouped(self.insight_probes),
            ));
        }
        lines
    }
}

impl Counters {
    fn of(counters: SourceCounters) -> Self {
        Self {
            source: counters.source,
            received: counters.received,
            accepted: counters.accepted,
            duplicate: counters.duplicate,
            shadowed: counters.shadowed,
            dead_lettered: counters.dead_lettered,
        }
    }
}

async fn windows_closed(client: &Client) -> Result<u64, DemoError> {
    let request = ScanWindowsRequest {
        size_ms: WINDOW_MS,
        step_ms: WINDOW_MS,
        ..ScanWindowsRequest::default()
    };
    let mut pages = client.scan_windows(request).await?;
    let mut closed = 0;
    while let Some(page) = pages.next().await? {
        let windows = page.learners.iter().flat_map(|of| &of.windows);
        let done = windows.filter(|window| {
            !matches!(window.state(), WindowState::Unspecified | WindowState::Open)
        });
        closed += done.count() as u64;
    }
    Ok(closed)
}

fn total(sources: &[SourceCounters]) -> Totals {
    let mut total = Totals::default();
    for of in sources {
        let counted = [
            of.received,
            of.accepted,
            of.duplicate,
            of.shadowed,
            of.dead_lettered,
        ];
        for (sum, count) in total.iter_mut().zip(counted) {
            *sum += count;
        }
    }
    total
}

fn in_words([received, accepted, duplicate, shadowed, dead_lettered]: Totals) -> String {
    format!(
        "received {received} = accepted {accepted} + duplicate {duplicate} + shadowed {shadowed} + dead letters {dead_lettered}"
    )
}
