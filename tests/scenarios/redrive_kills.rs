//! A node is killed repeatedly during a re-drive, and each event counts once.

use homeroom_tests::oracle::NaiveModel;
use serde_json::json;

use crate::harness::letters::{all, redrive};
use crate::harness::scratch::bytes_in;
use crate::harness::wait::until;
use crate::harness::{Home, Input, Seed, check, settings, whole_number};

const KILLS_USUAL: u64 = 5;
const LINES: u64 = 10_000;
/// Most bytes by which the log grows between two kills. A re-drive of all letters makes it grow by
/// more.
const GROWTH_BYTES_MAX: u64 = 130_000;

/// Results, most of them above the maximum points, with clicks between them.
fn lines(seed: &Seed) -> Vec<String> {
    let mut rng = seed.rng();
    let line = |number: u64| {
        let learner = rng.u32(..40);
        let seconds = rng.u32(..600);
        let mut event = json!({
            "eventId": number.to_string(), "userId": format!("learner-{learner}"), "sessionId": "s",
            "timestamp": format!("2025-03-05T08:{:02}:{:02}Z", seconds / 60, seconds % 60),
            "eventType": "click", "source": "lms",
        });
        if rng.u32(..10) > 0 {
            event["eventType"] = "quiz_submitted".into();
            event["source"] = ["exam", "tool"][rng.usize(..2)].into();
            event["maxScore"] = 10.into();
            event["score"] = rng.u32(8..20).into();
        }
        event.to_string()
    };
    (0..LINES).map(line).collect()
}

#[test]
fn each_letter_counts_once_however_often_the_node_is_killed() {
    let seed = Seed::of("redrive_kills::each_letter_counts_once_however_often_the_node_is_killed");
    let mut rng = seed.rng();
    let home = Home::new(&["--shards", "2"])
        .with("checkpoint.interval", "100ms")
        .with("log.segment_bytes", "64KiB");
    let input = Input::of(&home, lines(&seed));
    let (mut node, cli) = (home.start(), home.cli());
    cli.json(&["ingest", input.name()]);
    let letters = all(&cli).len();
    assert!(letters > 3_000, "{letters}");
    for source in ["exam", "tool"] {
        let change = format!("sources.{source}.extra-credit=true");
        cli.json(&["settings", "set", &change]);
    }
    let mut interrupted = 0;
    for _ in 0..whole_number("HOMEROOM_KILLS").unwrap_or(KILLS_USUAL) {
        let log = home.data().join("log");
        let enough = bytes_in(&log) + rng.u64(1..GROWTH_BYTES_MAX);
        let mut driving = cli.spawn("redrive", &["dead-letters", "redrive"]);
        until("a log that grows, or the end of the re-drive", || {
            (bytes_in(&log) >= enough || driving.ended().is_some()).then_some(())
        });
        interrupted += u32::from(driving.ended().is_none());
        node.kill();
        driving.kill();
        node = home.start();
    }
    assert!(interrupted > 0, "no kill fell into a re-drive");
    redrive(&cli, &[]);
    assert!(all(&cli).is_empty(), "none is refused any more");
    let summary = redrive(&cli, &[]);
    assert_eq!(summary["matched"], 0, "{summary}");
    let mut mended = settings();
    mended.extra_credit = ["exam".to_owned(), "tool".to_owned()].into();
    let model = NaiveModel::from_lines(&input.lines, mended);
    check::windows(&cli, &model);
    let sources = check::balanced(&cli);
    for source in sources {
        let name = source["source"].as_str().expect("a name");
        let expected = &model.counts().by_source[name];
        assert_eq!(source["accepted"], expected.accepted, "{source}");
    }
    assert!(node.stop().success());
}
