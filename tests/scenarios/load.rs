//! `homeroom load`: its figures are complete and agree with the node's counters. Durations are not
//! judged here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::wait::until;
use crate::harness::{Home, check, cli::Cli};

const TIMES: [&str; 5] = ["P50Ms", "P90Ms", "P99Ms", "P999Ms", "MaxMs"];

fn whole(document: &Value, name: &str) -> u64 {
    let whole = document[name].as_u64();
    whole.unwrap_or_else(|| panic!("no {name}: {document}"))
}

fn above_zero(document: &Value, name: &str) -> f64 {
    let number = document[name].as_f64().filter(|number| *number > 0.0);
    number.unwrap_or_else(|| panic!("no {name}: {document}"))
}

/// There are samples, and their quantiles ascend.
fn is_measured(report: &Value, what: &str) {
    assert!(whole(report, &format!("{what}Samples")) > 0, "{report}");
    let times = TIMES.map(|time| above_zero(report, &format!("{what}{time}")));
    assert!(times.is_sorted(), "{what}: {report}");
}

/// Every event got an outcome, nothing failed, and the seconds add up to the total.
fn is_clean(report: &Value) {
    assert_eq!(whole(report, "errors"), 0, "{report}");
    assert_eq!(report["errorMessages"].as_array().map(Vec::len), Some(0));
    assert_eq!(whole(report, "deadLettered"), 0, "{report}");
    let sent = whole(report, "sent");
    assert!(sent > 0, "{report}");
    assert_eq!(whole(report, "acknowledged"), sent, "{report}");
    let outcomes = ["accepted", "duplicate", "shadowed"].map(|name| whole(report, name));
    assert_eq!(outcomes.iter().sum::<u64>(), sent, "{report}");
    let per_second = report["perSecond"].as_array().expect("a list");
    let per_second = per_second.iter().filter_map(Value::as_u64);
    assert_eq!(per_second.sum::<u64>(), sent, "{report}");
}

/// The node's counters equal those of the reports, including the phase in which learners arrive.
fn is_what_the_node_counts(cli: &Cli<'_>, reports: &[&Value]) {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for source in check::conserved(cli) {
        for name in [
            "received",
            "accepted",
            "duplicate",
            "shadowed",
            "deadLettered",
        ] {
            *counted.entry(name).or_default() += whole(&source, name);
        }
        assert_eq!(whole(&source, "conflicting"), 0, "{source}");
    }
    let reported = |name: &str| -> u64 {
        let arrivals = reports.iter().map(|report| &report["arrival"]);
        let arrived = arrivals.filter_map(|arrival| arrival[name].as_u64());
        arrived.sum::<u64>()
            + reports
                .iter()
                .map(|report| whole(report, name))
                .sum::<u64>()
    };
    for name in ["accepted", "duplicate", "deadLettered"] {
        assert_eq!(counted[name], reported(name), "{name}: {reports:?}");
    }
    assert_eq!(counted["received"], reported("sent"), "{reports:?}");
}

#[test]
fn its_figures_are_there_and_agree_with_the_node() {
    let home = Home::new(&["--shards", "2"]);
    let (node, cli) = (home.start(), home.cli());
    let arguments = [
        "load",
        "--rate",
        "2000",
        "--learners",
        "200",
        "--seen",
        "500",
        "--seconds",
        "3",
        "--batch",
        "50",
        "--seed",
        "7",
    ];
    let first = cli.json(&arguments);
    is_clean(&first);
    for what in ["ack", "insight", "read"] {
        is_measured(&first, what);
    }
    // Events that the machine was too slow to send are reported, and count as late.
    let due = whole(&first, "sent") + whole(&first, "overdue");
    assert_eq!(due, 6_000, "{first}");
    assert_eq!(whole(&first, "ackSamples"), due, "{first}");
    // One percent of three seconds, plus 100 ms.
    let slack = 0.13;
    let seconds = first["seconds"].as_f64().expect("a number");
    let rate_held = whole(&first, "overdue") as f64 <= 2_000.0 * slack && seconds <= 3.0 + slack;
    assert_eq!(first["rateHeld"], rate_held, "{first}");
    assert!(whole(&first, "duplicate") > 0, "{first}");
    for name in ["seconds", "eventsPerSecond", "lateP99Ms", "lateMaxMs"] {
        above_zero(&first, name);
    }
    assert_eq!((&first["rate"], &first["seed"]), (&2000.into(), &7.into()));
    assert_eq!(whole(&first, "learners"), 200);
    assert_eq!(whole(&first, "seen"), 500);
    assert_eq!(first["baselines"], Value::Null);
    let arrival = &first["arrival"];
    assert_eq!(
        whole(arrival, "events"),
        300 + 150 + 200,
        "one or two of each earlier one"
    );
    above_zero(arrival, "eventsPerSecond");
    is_what_the_node_counts(&cli, &[&first]);

    // The same seed gives other events in a second run; otherwise all would be duplicates.
    let mut cold = arguments.to_vec();
    cold.push("--cold");
    let second = cli.json(&cold);
    is_clean(&second);
    assert_eq!(second["arrival"], Value::Null);
    assert!(
        whole(&second, "accepted") > whole(&second, "duplicate"),
        "{second}"
    );
    is_what_the_node_counts(&cli, &[&first, &second]);
    assert!(node.stop().success());
}

#[test]
fn at_the_greatest_rate_it_is_held_against_what_the_machine_can_do() {
    let home = Home::new(&["--shards", "2"]);
    let (node, cli) = (home.start(), home.cli());
    let dir = home.folder().join("baseline");
    std::fs::create_dir(&dir).expect("a folder");
    let dir = dir.to_str().expect("UTF-8");
    let report = cli.json(&[
        "load",
        "--rate",
        "max",
        "--learners",
        "100",
        "--seconds",
        "2",
        "--window-events",
        "1000",
        "--baselines",
        "--baseline-seconds",
        "1",
        "--baseline-dir",
        dir,
    ]);
    is_clean(&report);
    is_measured(&report, "insight");
    assert_eq!(report["rate"], "max");
    assert_eq!(report["lateP99Ms"], Value::Null, "nothing is due: {report}");
    let baselines = &report["baselines"];
    for name in ["nullSinkEventsPerSecond", "inMemoryEventsPerSecond"] {
        above_zero(baselines, name);
    }
    for way in ["perBatch", "perMib"] {
        let appended = &baselines["appendFsync"][way];
        assert!(whole(appended, "syncs") > 0, "{baselines}");
        for name in ["eventsPerSecond", "fdatasyncP50Ms", "fdatasyncP99Ms"] {
            above_zero(appended, name);
        }
    }
    for name in [
        "nullSink",
        "appendFsyncPerBatch",
        "appendFsyncPerMib",
        "inMemory",
    ] {
        assert!(baselines["ratios"][name].is_number(), "{baselines}");
    }
    let left = std::fs::read_dir(dir).expect("the folder").count();
    assert_eq!(left, 0, "the file is gone");
    is_what_the_node_counts(&cli, &[&report]);
    assert!(node.stop().success());
}

/// Arguments of a load that would run for ten minutes.
fn long(retry_seconds: &'static str) -> [&'static str; 15] {
    [
        "--timeout",
        "60s",
        "load",
        "--rate",
        "1000",
        "--learners",
        "100",
        "--batch",
        "20",
        "--seconds",
        "600",
        "--reads",
        "50",
        "--retry-seconds",
        retry_seconds,
    ]
}

/// Waits until the node has accepted at least this number of events; returns the number.
fn taken(cli: &Cli<'_>, at_least: u64) -> u64 {
    until("events that were taken", || {
        let summary = cli.json(&["dead-letters", "summary"]);
        let sources = summary["sources"].as_array()?;
        let accepted = sources.iter().map(|source| whole(source, "accepted")).sum();
        (accepted >= at_least).then_some(accepted)
    })
}

#[test]
fn it_ends_when_its_node_is_killed_for_good() {
    let home = Home::new(&["--shards", "2"]);
    let (node, cli) = (home.start(), home.cli());
    let arguments = long("2").map(|word| if word == "60s" { "2s" } else { word });
    let mut load = cli.spawn("load", &arguments);
    taken(&cli, 300);
    node.kill();
    assert_eq!(load.wait().code(), Some(1), "{}", load.stderr());
    assert!(
        load.stderr().contains("not a clean run"),
        "{}",
        load.stderr()
    );
    let report: Value = serde_json::from_str(&load.stdout()).expect("the figures so far");
    assert!(whole(&report, "errors") > 0, "{report}");
    assert!(
        whole(&report, "acknowledged") < whole(&report, "sent"),
        "{report}"
    );
    assert_eq!(report["interrupted"], true);
    // Events that are no longer waited for count as late.
    let due = whole(&report, "sent") + whole(&report, "overdue");
    assert_eq!(whole(&report, "ackSamples"), due, "{report}");
    assert_eq!(report["rateHeld"], false, "{report}");
}

#[test]
fn it_goes_on_when_its_node_comes_back_and_ends_with_ctrl_c() {
    let home = Home::new(&["--shards", "2"]);
    let (node, cli) = (home.start(), home.cli());
    let mut load = cli.spawn("load", &long("60"));
    let before = taken(&cli, 300);
    node.kill();
    let node = home.start();
    taken(&cli, before + 1_000);
    load.interrupt();
    assert!(load.wait().success(), "{}", load.stderr());
    let report: Value = serde_json::from_str(&load.stdout()).expect("the figures so far");
    assert_eq!(report["interrupted"], true);
    // It is chance whether a batch was in flight when the node died: `retries` may be 0.
    is_clean(&report);
    check::balanced(&cli);
    assert!(node.stop().success());
}

#[test]
fn of_a_load_that_is_asked_to_end_while_learners_come_in_nothing_was_measured() {
    let home = Home::new(&["--shards", "2"]);
    let (node, cli) = (home.start(), home.cli());
    let mut arguments = long("60").to_vec();
    arguments.extend(["--seen", "5000000"]);
    let mut load = cli.spawn("load", &arguments);
    taken(&cli, 300);
    load.terminate();
    assert!(load.wait().success(), "{}", load.stderr());
    let report: Value = serde_json::from_str(&load.stdout()).expect("figures of the arrival");
    assert_eq!(report["interrupted"], true);
    for name in [
        "rateHeld",
        "ackP50Ms",
        "insightP50Ms",
        "readP50Ms",
        "lateP99Ms",
    ] {
        assert_eq!(report[name], Value::Null, "{name}: {report}");
    }
    for name in [
        "sent",
        "overdue",
        "readsOverdue",
        "ackSamples",
        "readSamples",
    ] {
        assert_eq!(whole(&report, name), 0, "{name}: {report}");
    }
    let arrival = &report["arrival"];
    assert_eq!(whole(arrival, "events"), whole(arrival, "sent"), "{report}");
    assert!(node.stop().success());
}

#[test]
fn without_a_node_there_are_no_figures_at_all() {
    let home = Home::new(&[]);
    let arguments = [
        "--timeout",
        "1s",
        "load",
        "--rate",
        "max",
        "--seconds",
        "1",
        "--baselines",
    ];
    let output = home.cli().run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is a node running there?"), "{said}");
}
