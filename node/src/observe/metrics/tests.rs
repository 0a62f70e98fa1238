//! Tests of the rendered metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use homeroom_core::{Reason, shard::Counters};

use super::*;

const FIGURES: ShardFigures = ShardFigures {
    lag_ms: 1_500,
    watermark_ms: 1_000_250,
    newest_event_ms: 1_012_000,
};

/// Types of the metric families by name. Checks each line of the text against the format.
fn families(text: &str) -> BTreeMap<String, String> {
    let mut types = BTreeMap::new();
    let mut helps = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("a help");
            assert!(!words.is_empty() && helps.insert(name.to_owned()), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            let twice = types.insert(name.to_owned(), kind.to_owned());
            assert_eq!(twice, None, "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(series.insert(name.to_owned()), "twice: {line}");
            let family = name.split('{').next().expect("a name");
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| family.strip_suffix(suffix))
                .filter(|base| types.get(*base).is_some_and(|kind| kind == "histogram"));
            assert!(types.contains_key(base.unwrap_or(family)), "{line}");
        }
    }
    assert_eq!(helps, types.keys().cloned().collect());
    types
}

#[test]
fn every_family_is_described_and_rendered() {
    let metrics = Metrics::new();
    metrics.shard.show(3, FIGURES);
    metrics
        .shard
        .show_applied(3, 1_234_567, 0xFEDC_0123_4567_89AB);
    metrics.shard.show_replica(3, ReplicaState::Leads);
    metrics.shard.show_replica(3, ReplicaState::Failed);
    metrics.ingest.insight_latency_seconds.record_many(0.004, 1);
    metrics.ingest.event_age_seconds.record_many(7_000.0, 1);
    metrics.ingest.entry_events.record(128.0);
    metrics.log.appended(Duration::from_micros(300));
    metrics.log.fsynced(Duration::from_micros(200));
    let saved = SavedGroup {
        at: Instant::now(),
        index: Some(7),
    };
    let took = Some((Duration::from_millis(300), 4_096));
    metrics.checkpoint.made(0, saved, took);
    metrics.checkpoint.base_seconds.record(12.0);
    metrics.read.seconds.record(0.000_02);
    let text = metrics.render();
    let shown: Vec<String> = families(&text)
        .into_iter()
        .map(|(name, kind)| format!("{name} {kind}"))
        .collect();
    let expected: Vec<&str> = include_str!("golden/families.txt").lines().collect();
    assert_eq!(shown, expected);
    for line in [
        "homeroom_watermark_lag_seconds{shard=\"3\"} 1.5",
        "homeroom_replica_state{shard=\"3\",state=\"failed\"} 1",
        "homeroom_replica_state{shard=\"3\",state=\"leads\"} 0",
        "homeroom_checkpoint_bytes_total 4096",
        "homeroom_watermark_timestamp_seconds{shard=\"3\"} 1000.25",
        "homeroom_newest_event_timestamp_seconds{shard=\"3\"} 1012",
        "homeroom_applied_index{shard=\"3\"} 1234567",
        "homeroom_entry_hash{shard=\"3\"} 1250999896491",
        "homeroom_log_fsync_seconds_bucket{le=\"0.0002\"} 1",
        "homeroom_log_append_seconds_bucket{le=\"0.0002\"} 0",
        "homeroom_event_age_seconds_bucket{le=\"3600\"} 0",
        "homeroom_event_age_seconds_bucket{le=\"10800\"} 1",
        "homeroom_read_seconds_bucket{le=\"0.000025\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn labels_are_those_of_their_variants() {
    let metrics = Metrics::new();
    for (count, reason) in Reason::ALL.into_iter().enumerate() {
        metrics
            .ingest
            .dead_letters(reason)
            .increment(count as u64 + 1);
    }
    metrics.ingest.events(Outcome::Retry).increment(9);
    metrics.ingest.requests(Transport::Http).increment(8);
    metrics.read.reads(Consistency::Any).increment(7);
    let text = metrics.render();
    let mut expected = vec![
        "homeroom_events_total{outcome=\"retry\"} 9".to_owned(),
        "homeroom_publish_requests_total{transport=\"http\"} 8".to_owned(),
        "homeroom_reads_total{consistency=\"any\"} 7".to_owned(),
    ];
    for (count, reason) in Reason::ALL.into_iter().enumerate() {
        let label = reason.name();
        expected.push(format!(
            "homeroom_dead_letters_total{{reason=\"{label}\"}} {}",
            count + 1
        ));
    }
    for line in expected {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

fn totals(received: u64) -> (Counters, u64) {
    let counters = Counters {
        received,
        accepted: received,
        ..Counters::default()
    };
    (counters, 0)
}

#[test]
fn sources_are_bounded_and_never_break_the_format() {
    let metrics = Metrics::new();
    let long = "x".repeat(200);
    let odd = ["a\"b", "a\\\"b", "line\nbreak", &long, ""];
    let many: Vec<String> = (0..1_000)
        .map(|number| format!("source-{number}"))
        .collect();
    let all = || {
        let odd = odd.iter().map(|name| (*name, totals(1)));
        odd.chain(many.iter().map(|name| (name.as_str(), totals(2))))
    };
    metrics.ingest.sources.show(all());
    // They are totals, so showing them again changes nothing.
    metrics.ingest.sources.show(all());
    let text = metrics.render();
    families(&text);
    let received = text
        .lines()
        .filter(|line| line.starts_with("homeroom_source_received_total"));
    let counts: Vec<u64> = received
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect();
    assert_eq!(counts.len(), SOURCES_MAX_AND_OTHER);
    assert_eq!(counts.iter().sum::<u64>(), 5 + 2_000);
}

const SOURCES_MAX_AND_OTHER: usize = source::SOURCES_MAX + 1;

#[test]
fn a_source_shows_all_that_it_delivered() {
    let metrics = Metrics::new();
    let counters = Counters {
        received: 10,
        accepted: 4,
        duplicate: 3,
        shadowed: 2,
        dead_lettered: BTreeMap::from([(Reason::Late, 1)]),
        conflicting: 5,
        amended: 6,
    };
    metrics.ingest.sources.show([("lms", (counters, 7))]);
    let text = metrics.render();
    for line in [
        "homeroom_source_received_total{source=\"lms\"} 10",
        "homeroom_source_events_total{source=\"lms\",outcome=\"accepted\"} 4",
        "homeroom_source_events_total{source=\"lms\",outcome=\"dead_lettered\"} 1",
        "homeroom_source_conflicting_total{source=\"lms\"} 5",
        "homeroom_source_amended_total{source=\"lms\"} 6",
        "homeroom_source_sequence_gaps{source=\"lms\"} 7",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn gauges_are_read_right_before_rendering() {
    let metrics = Metrics::new();
    metrics.before_render(|metrics| metrics.learner.active.set(42.0));
    assert!(metrics.render().contains("homeroom_learners_active 42"));
}

#[test]
fn shards_beyond_the_possible_ones_are_not_shown() {
    let metrics = Metrics::new();
    metrics.shard.show(256, FIGURES);
    assert!(!metrics.render().contains("shard=\"256\""));
}

#[tokio::test(start_paused = true)]
async fn upkeep_runs_until_its_owner_ends_it() {
    let metrics = Arc::new(Metrics::new());
    metrics.read.seconds.record(0.1);
    let upkeep = Arc::clone(&metrics).run_upkeep(Duration::from_secs(5));
    let ended = tokio::time::timeout(Duration::from_secs(60), upkeep).await;
    assert!(ended.is_err());
    assert!(metrics.render().contains("homeroom_read_seconds_count 1"));
}
