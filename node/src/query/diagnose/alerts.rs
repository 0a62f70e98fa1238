//! Checks that the diagnosis reports whatever an alert reports.

use std::time::Duration;

use homeroom_core::Reason;
use homeroom_proto::v1::Severity;

use super::{CHECKS, facts::Facts, sample};
use crate::observe::DurationSummary;

const RULES: &str = include_str!("../../../../deploy/prometheus/homeroom.rules.yml");

/// An alert, a state that fires it, and the check that reports it. The alert's text names the
/// check.
type Case = (&'static str, fn(&mut Facts), &'static str);

const CASES: [Case; 14] = [
    ("HomeroomWatermarkLag", lags, "watermark"),
    ("HomeroomWatermarkStuck", is_stuck, "watermark"),
    ("HomeroomWatermarkStuck", stands_still, "watermark"),
    ("HomeroomDeadLetterSpike", is_refused, "dead-letters"),
    ("HomeroomDeadLetterSpike", was_good_before, "dead-letters"),
    ("HomeroomDeadLetterSpike", are_refused, "dead-letters"),
    ("HomeroomDeadLetterSpike", names_no_source, "dead-letters"),
    ("HomeroomCheckpointFailing", is_overdue, "checkpoints"),
    ("HomeroomCheckpointFailing", fails, "checkpoints"),
    ("HomeroomDiskDamage", has_rotten, "checkpoints"),
    ("HomeroomReplicaFailed", has_failed, "replicas"),
    ("HomeroomInsightLatency", has_a_slow_disk, "fsync"),
    ("HomeroomInsightLatency", has_a_slow_log, "log"),
    ("HomeroomInsightLatency", has_too_much, "queues"),
];

#[test]
fn the_doctor_agrees_with_every_alert() {
    for (alert, bring_about, check) in CASES {
        let mut facts = sample::healthy();
        bring_about(&mut facts);
        let findings = CHECKS.iter().flat_map(|check| check(&facts));
        let of_check: Vec<_> = findings.filter(|finding| finding.check == check).collect();
        let is_wrong = |severity| matches!(severity, Severity::Warning | Severity::Fault);
        assert!(
            of_check.iter().any(|finding| is_wrong(finding.severity())),
            "{alert} fires, and the doctor says {of_check:?}"
        );
    }
}

#[test]
fn every_alert_is_held_against_a_check_that_it_names() {
    let alerts: Vec<(&str, &str)> = RULES
        .split("- alert: ")
        .skip(1)
        .filter_map(|rule| rule.split_once('\n'))
        .collect();
    assert_eq!(alerts.len(), 7);
    for (alert, text) in alerts {
        let checks: Vec<&str> = CASES
            .iter()
            .filter(|(of, _, _)| *of == alert)
            .map(|(_, _, check)| *check)
            .collect();
        assert!(!checks.is_empty(), "{alert}");
        for check in checks {
            assert!(text.contains(&format!("`{check}`")), "{alert}: {check}");
        }
    }
}

/// `homeroom_replica_state{state="failed"} == 1`.
fn has_failed(facts: &mut Facts) {
    facts.failed = vec![("shard 1".to_owned(), "its Raft group stopped".into())];
}

/// `homeroom_watermark_lag_seconds > 10`, for 1 m.
fn lags(facts: &mut Facts) {
    facts.shards[0].lag_ms = 10_001;
    facts.shards[0].behind_for = Some(Duration::from_secs(60));
}

/// More than 60 s between the newest event and the watermark, of which 10 s are the delay, and no
/// change for 5 min.
fn is_stuck(facts: &mut Facts) {
    facts.shards[0].lag_ms = 50_001;
    facts.shards[0].behind_for = Some(Duration::from_secs(300));
}

fn stands_still(facts: &mut Facts) {
    let shard = &mut facts.shards[0];
    shard.next_due_ms = shard.log_now_ms.map(|ms| ms - 300_000);
}

/// Refused of received deliveries, over the last 5 and the last 10 min.
fn refuse(facts: &mut Facts, source: &str, reason: Reason, [five, ten]: [(u64, u64); 2]) {
    let source = facts.sources.entry(source.to_owned()).or_default();
    source.letters.insert(reason, ten.1);
    source.counters.received = 20_000_000;
    for (interval, (received, refused)) in source.recent.iter_mut().zip([five, ten]) {
        interval.deliveries.received = received;
        interval.deliveries.refused = refused;
    }
}

/// 80 of 1,580 deliveries of the last 5 min.
fn is_refused(facts: &mut Facts) {
    refuse(facts, "lms", Reason::MissingField, [(1_000, 0); 2]);
    refuse(facts, "tool", Reason::MissingField, [(500, 0); 2]);
    refuse(facts, "video", Reason::MissingField, [(80, 80); 2]);
}

/// More than 5 % of the last 5 min, and less than 5 % of the last 10.
fn was_good_before(facts: &mut Facts) {
    refuse(facts, "lms", Reason::Late, [(200, 11), (10_000, 11)]);
    refuse(facts, "tool", Reason::Late, [(1, 0), (10_000, 0)]);
}

/// 12 of 200, but fewer than 10 of each source.
fn are_refused(facts: &mut Facts) {
    refuse(facts, "lms", Reason::Late, [(100, 6); 2]);
    refuse(facts, "tool", Reason::Late, [(100, 6); 2]);
}

/// 80 of 1,080, without a source.
fn names_no_source(facts: &mut Facts) {
    refuse(facts, "lms", Reason::Late, [(500, 0), (5_000, 0)]);
    refuse(facts, "tool", Reason::Late, [(500, 0), (5_000, 0)]);
    refuse(facts, "listener:http", Reason::Malformed, [(80, 80); 2]);
}

fn is_overdue(facts: &mut Facts) {
    let interval = facts.resources.checkpoint_interval;
    let age = Duration::from_secs(61) + 3 * interval;
    facts.oldest_checkpoint = Some(("shard 0".to_owned(), age));
}

fn fails(facts: &mut Facts) {
    facts.base_failures = 1;
}

fn has_rotten(facts: &mut Facts) {
    facts.resources.bases_rejected = 1;
}

/// Every receipt waits for the disk, so its p99 exceeds 100 ms if that of the disk does.
fn slow() -> DurationSummary {
    DurationSummary {
        count: 1_000,
        p99: Duration::from_millis(101),
        longest: Duration::from_millis(150),
    }
}

fn has_a_slow_disk(facts: &mut Facts) {
    (facts.fsyncs, facts.appends) = (slow(), slow());
}

fn has_a_slow_log(facts: &mut Facts) {
    facts.appends = slow();
}

/// Events wait in the queue.
fn has_too_much(facts: &mut Facts) {
    let queue = &mut facts.resources.ingest_queue;
    queue.used_bytes = queue.max_bytes;
}
