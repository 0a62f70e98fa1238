//! The demo: a lifelike class, a correct summary, and no files left behind.

use std::fs;
use std::process::Command;

use homeroom_client::{Client, parse_endpoints};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::events::{HOUR_MS, click, publish};
use crate::harness::wait::until;
use crate::harness::{Process, http, node_binary};

/// A demo with its own folder for temporary files.
fn demo(folder: &TempDir, flags: &[&str]) -> Process {
    let temporary = folder.path().join("tmp");
    fs::create_dir(&temporary).expect("a folder for temporary ones");
    let mut command = Command::new(node_binary());
    command.arg("demo").args(flags);
    command.env("TMPDIR", &temporary).env_remove("RUST_LOG");
    Process::spawn(&mut command, folder.path(), "demo")
}

/// The entries of the folder for temporary files.
fn left_behind(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path().join("tmp")).expect("the folder for temporary ones");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn count(summary: &Value, key: &str) -> u64 {
    let value = &summary[key];
    value.as_u64().unwrap_or_else(|| panic!("{key}: {value}"))
}

/// Dead letters of all reasons.
fn refused(summary: &Value) -> u64 {
    let reasons = summary["deadLettered"].as_object().expect("reasons");
    reasons.values().filter_map(Value::as_u64).sum()
}

#[test]
fn a_demo_ends_by_itself_with_one_summary_that_adds_up() {
    let folder = folder();
    let mut demo = demo(&folder, &["--seconds", "3", "--json"]);
    assert!(demo.wait().success(), "{}", demo.stderr());
    // Fails unless the output is exactly one document.
    let summary: Value = serde_json::from_str(&demo.stdout()).expect("one JSON document");
    assert_eq!(count(&summary, "learners"), 300);
    let (received, accepted) = (count(&summary, "received"), count(&summary, "accepted"));
    let (duplicate, shadowed) = (count(&summary, "duplicate"), count(&summary, "shadowed"));
    assert_eq!(
        accepted + duplicate + shadowed + refused(&summary),
        received,
        "{summary}"
    );
    // Ten minutes of 300 learners, each with at least one event a minute on average.
    assert!(accepted > 3_000 && duplicate > 0, "{summary}");
    let reasons = summary["deadLettered"].as_object().expect("reasons");
    assert!(reasons.len() >= 5, "{summary}");
    assert!(count(&summary, "windowsClosed") > 300, "{summary}");
    let quantile = |key: &str| {
        summary[key]
            .as_f64()
            .unwrap_or_else(|| panic!("{key}: {summary}"))
    };
    assert!(quantile("insightP50Ms") > 0.0);
    assert!(quantile("insightP99Ms") >= quantile("insightP50Ms"));
    let sources = summary["sources"].as_array().expect("sources");
    let mut by_source = 0;
    for source in sources {
        let parts = ["accepted", "duplicate", "shadowed", "deadLettered"];
        let sum: u64 = parts.iter().map(|part| count(source, part)).sum();
        assert_eq!(sum, count(source, "received"), "{source}");
        by_source += sum;
    }
    assert_eq!(by_source, received, "{summary}");
    for name in ["lms", "quiz", "video"] {
        let of = sources.iter().find(|source| source["source"] == name);
        assert!(
            of.is_some_and(|of| count(of, "accepted") > 100),
            "{name}: {summary}"
        );
    }
    assert_eq!(left_behind(&folder), [""; 0]);
}

/// Stopped by Ctrl-C during the lesson.
#[test]
fn an_interrupted_demo_says_what_it_saw_and_leaves_nothing_behind() {
    let folder = folder();
    let mut demo = demo(&folder, &["--learners", "40", "--seed", "9"]);
    until("a line of the lesson while it is live", || {
        assert!(demo.ended().is_none(), "{}", demo.stderr());
        demo.stdout().contains("events/s").then_some(())
    });
    assert_eq!(left_behind(&folder).len(), 1, "the node's folder");
    let said = demo.stdout();
    let url = said
        .split_whitespace()
        .find(|word| word.ends_with("/metrics"));
    let (status, metrics) = http::get(url.expect("where to ask")).expect("an answer");
    assert_eq!(status, 200);
    assert!(metrics.contains("homeroom_"), "{metrics}");
    demo.interrupt();
    assert_eq!(demo.wait().code(), Some(0), "{}", demo.stderr());
    let said = demo.stdout();
    assert!(!said.contains('\u{1b}'), "a file is no terminal: {said:?}");
    assert!(
        said.contains("the node's own counters say the same"),
        "{said}"
    );
    assert!(!said.contains("\n0 received"), "{said}");
    assert_eq!(left_behind(&folder), [""; 0]);
}

/// The summary is checked against the node's own counters: events that the class did not publish
/// show up, also after an early stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_the_class_can_not_explain_is_a_failure() {
    let folder = folder();
    let mut demo = demo(&folder, &["--learners", "40", "--json"]);
    let url = until("where to ask", || {
        assert!(demo.ended().is_none(), "{}", demo.stderr());
        let said = demo.stderr();
        let (before, _) = said.split_once(" (gRPC)")?;
        before.split_whitespace().last().map(str::to_owned)
    });
    let client = Client::connect(parse_endpoints(&url).expect("a URL")).expect("a client");
    let outcomes = publish(&client, vec![click("a stranger", "1", HOUR_MS)]).await;
    assert_eq!(outcomes.len(), 1);
    demo.interrupt();
    assert_eq!(demo.wait().code(), Some(1), "{}", demo.stderr());
    assert_eq!(demo.stdout(), "", "no summary that is known to be wrong");
    let why = "another client published here";
    assert!(demo.stderr().contains(why), "{}", demo.stderr());
    assert_eq!(left_behind(&folder), [""; 0]);
}

#[test]
fn bounds_are_reported_before_anything_starts() {
    for flags in [
        ["--learners", "0"],
        ["--learners", "10001"],
        ["--seconds", "0"],
    ] {
        let folder = folder();
        let mut demo = demo(&folder, &flags);
        assert_eq!(demo.wait().code(), Some(2), "{flags:?}: wrong usage");
        assert!(demo.stderr().contains(flags[0]), "{}", demo.stderr());
        assert_eq!(left_behind(&folder), [""; 0]);
    }
}
