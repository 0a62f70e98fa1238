//! Facts for the tests of the checks.

use std::{collections::BTreeMap, time::Duration};

use homeroom_core::{
    Settings,
    shard::{Counters, Sequence},
};

use homeroom_proto::v1::{Finding, Severity};

use super::facts::{Facts, ShardFacts, SourceFacts};
use crate::observe::{Deliveries, DiskSpace, DurationSummary, Fill, Interval, ResourceUsage};

/// 2025-03-05T10:00:00Z, ms.
const NOW_MS: i64 = 1_741_168_800_000;

/// The facts of a node that was just founded.
pub(super) fn empty() -> Facts {
    let fill = Fill {
        used_bytes: 0,
        max_bytes: 100 << 20,
    };
    Facts {
        sources: BTreeMap::new(),
        shards: vec![shard(0, None), shard(1, None)],
        silent_shards: Vec::new(),
        settings: Settings::default(),
        home_pages: BTreeMap::new(),
        resources: ResourceUsage {
            disk: Ok(DiskSpace {
                free_bytes: 50 << 30,
                size_bytes: 100 << 30,
            }),
            ingest_queue: fill,
            log_queue: fill,
            memory: fill,
            memory_is_pressed: false,
            checkpoint_interval: Duration::from_secs(5),
            bases_rejected: 0,
            store_waits: 0,
            store_is_waiting: false,
        },
        appends: DurationSummary::default(),
        fsyncs: DurationSummary::default(),
        oldest_checkpoint: None,
        failed: Vec::new(),
        led: 2,
        sealed: Vec::new(),
        base_failures: 0,
        wall_ms: NOW_MS,
    }
}

/// The facts of a node at work, for which every check is ok.
pub(super) fn healthy() -> Facts {
    let times = DurationSummary {
        count: 1_000,
        p99: Duration::from_millis(3),
        longest: Duration::from_millis(20),
    };
    let sources = ["lms", "tool"].map(|name| (name.to_owned(), source()));
    Facts {
        sources: BTreeMap::from(sources),
        shards: vec![shard(0, Some(NOW_MS)), shard(1, Some(NOW_MS))],
        home_pages: BTreeMap::from([("xapi".into(), vec!["https://a.test".into()])]),
        appends: times,
        fsyncs: times,
        oldest_checkpoint: Some(("shard 0".to_owned(), Duration::from_secs(4))),
        ..empty()
    }
}

fn source() -> SourceFacts {
    SourceFacts {
        counters: Counters {
            received: 2_000,
            accepted: 1_990,
            duplicate: 10,
            ..Counters::default()
        },
        sequence: Some(Sequence {
            first: 1,
            last: 990,
            seen: 990,
        }),
        recent: [(5, 500), (10, 1_000)].map(|(minutes, received)| Interval {
            over: Duration::from_secs(minutes * 60),
            deliveries: Deliveries {
                received,
                ..Deliveries::default()
            },
        }),
        newest_event_ms: Some(NOW_MS),
        speaks: 2,
        ..SourceFacts::default()
    }
}

fn shard(shard: u16, newest_ms: Option<i64>) -> ShardFacts {
    ShardFacts {
        shard,
        applied_index: 100,
        checkpoint_index: Some(90),
        watermark_ms: newest_ms.map(|ms| ms - 10_000),
        log_now_ms: Some(NOW_MS),
        next_due_ms: Some(NOW_MS + 5_000),
        slowest: Some("lms".to_owned()),
        ..ShardFacts::default()
    }
}

/// Returns the only finding, after checking its severity.
#[track_caller]
pub(super) fn only(mut findings: Vec<Finding>, severity: Severity) -> Finding {
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = findings.remove(0);
    assert_eq!(finding.severity(), severity, "{finding:?}");
    assert_eq!(finding.advice.is_empty(), severity <= Severity::Note);
    finding
}

/// Healthy facts, with a change to one source.
pub(super) fn with(change: impl FnOnce(&mut SourceFacts)) -> Facts {
    let mut facts = healthy();
    change(facts.sources.get_mut("lms").expect("a source"));
    facts
}
