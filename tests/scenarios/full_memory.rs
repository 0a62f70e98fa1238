//! Active learners fill the memory: their evictable parts are evicted, and publishing continues.

use crate::harness::events::HOUR_MS;
use crate::harness::http::get;
use crate::harness::{Home, Input, check};

const LEARNERS: u64 = 800;
/// Per learner, one a second: no learner is ever idle.
const CLICKS: u64 = 600;

fn click(second: u64, learner: u64) -> String {
    let seconds = HOUR_MS / 1_000 + second.cast_signed();
    let timestamp = prost_types::Timestamp { seconds, nanos: 0 };
    format!(
        r#"{{"eventId":"{learner}-{second}","userId":"learner-{learner}","sessionId":"s","timestamp":"{timestamp}","eventType":"click","source":"lms"}}"#
    )
}

#[test]
fn a_full_memory_evicts_though_no_learner_is_idle() {
    // Only the memory limit triggers checkpoints here.
    let home = Home::new(&["--shards", "2"])
        .with("memory.learners_bytes_max", "16MiB")
        .with("checkpoint.interval", "10m");
    let all = (0..CLICKS).flat_map(|second| (0..LEARNERS).map(move |it| click(second, it)));
    let input = Input::of(&home, all.collect());
    let node = home.start();
    // Overloaded requests are retried, some of them applied before. 20 s is less than the time
    // after which a source counts as silent or a learner as idle.
    let arguments = ["ingest", input.name(), "--retry-seconds", "20"];
    let summary = home.cli().json(&arguments);
    assert_eq!(summary["received"], input.lines.len(), "{summary}");
    let (_, metrics) = get(&home.url("/metrics")).expect("metrics");
    let mut made = (metrics.lines())
        .filter_map(|line| line.strip_prefix("homeroom_checkpoint_seconds_count "));
    let made: u64 = made
        .next()
        .and_then(|made| made.parse().ok())
        .expect("a count");
    assert!(made > 0, "the memory was never full");
    check::conserved(&home.cli());
    check::windows(&home.cli(), &input.model(1));
    assert!(node.stop().success());
}
