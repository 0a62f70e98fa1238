//! A real Prometheus reads a node's metrics and the alert rules without complaint.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use homeroom_proto::v1::WatchLearnerRequest;
use homeroom_proto::v1::learner_service_client::LearnerServiceClient;
use serde_json::Value;

use crate::harness::events::{HOUR_MS, accepted, click, client, connect};
use crate::harness::wait::until;
use crate::harness::{Home, Process, http, tool};

const PACKAGE: &str = "prometheus";
const RULES: &str = "homeroom.rules.yml";
/// The address in the example, which is the node's default.
const EXAMPLE_TARGET: &str = "localhost:7401";
const ALERTS: usize = 7;
const EVENTS: u64 = 7;

fn deployed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus")
}

#[test]
fn rules_and_configuration_hold_before_promtool() {
    if !tool::is_there("promtool", PACKAGE) {
        return;
    }
    let promtool = |arguments: &[&str]| {
        let mut command = Command::new("promtool");
        tool::said(command.args(arguments).current_dir(deployed()))
    };
    let checked = promtool(&["check", "rules", RULES]);
    assert!(checked.contains(&format!("{ALERTS} rules")), "{checked}");
    promtool(&["test", "rules", "homeroom.rules.test.yml"]);
    promtool(&["check", "config", "prometheus.yml"]);
}

/// A node with counters in every shard.
async fn at_work(home: &Home) {
    let client = client(home);
    let events = (0..EVENTS).map(|number| {
        let learner = format!("learner-{number}");
        click(&learner, "1", HOUR_MS)
    });
    accepted(&client, events.collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_follow_the_conventions_and_rules_name_only_what_is_there() {
    if !tool::is_there("promtool", PACKAGE) {
        return;
    }
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    at_work(&home).await;
    let metrics = scrape(&home);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut input = promtool.stdin.take().expect("its input");
    input.write_all(metrics.as_bytes()).expect("it reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}");

    let shown: BTreeSet<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let rules = fs::read_to_string(deployed().join(RULES)).expect("the rules");
    let named = metric_names(&rules);
    assert!(named.len() >= ALERTS, "{named:?}");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !shown.contains(**name))
        .collect();
    assert!(missing.is_empty(), "{missing:?} in none of {shown:?}");
}

/// The node's metrics, once they include its sources.
fn scrape(home: &Home) -> String {
    until("metrics with sources", || {
        let (status, metrics) = http::get(&home.url("/metrics"))?;
        let received = format!("homeroom_source_received_total{{source=\"lms\"}} {EVENTS}");
        (status == 200 && metrics.contains(&received)).then_some(metrics)
    })
}

fn metric_names(rules: &str) -> BTreeSet<&str> {
    let names = rules.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    // The prefix alone is the name of the group.
    names.filter(|name| name.starts_with("homeroom_")).collect()
}

/// The value of a series without labels.
fn figure(metrics: &str, name: &str) -> f64 {
    let mut lines = metrics.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines.find(|(shown, _)| *shown == name).expect(name);
    value.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_is_counted_whoever_asks_for_it() {
    let home = Home::new(&["--shards", "1"]).with("checkpoint.interval", "10m");
    let _node = home.start();
    at_work(&home).await;
    let before = scrape(&home);
    assert_eq!(figure(&before, "homeroom_checkpoint_bytes_total"), 0.0);
    assert_eq!(
        figure(&before, "homeroom_checkpoint_interval_seconds"),
        600.0
    );
    home.cli().json(&["cluster", "checkpoint"]);
    let after = scrape(&home);
    assert!(figure(&after, "homeroom_checkpoint_bytes_total") > 0.0);
    assert_eq!(figure(&after, "homeroom_checkpoint_seconds_count"), 1.0);
    assert!(figure(&after, "homeroom_log_append_seconds_count") > 0.0);
    assert!(figure(&after, "homeroom_learners_memory_bytes") > 0.0);
    assert_eq!(
        figure(&after, "homeroom_insight_latency_seconds_count"),
        EVENTS as f64
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_stream_is_counted_until_it_ends() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let in_flight = |count: u64| {
        let line = format!("homeroom_grpc_in_flight {count}");
        until(&line, || {
            let (_, metrics) = http::get(&home.url("/metrics"))?;
            metrics.lines().any(|shown| shown == line).then_some(())
        });
    };
    in_flight(0);
    let mut learners = LearnerServiceClient::new(connect(&home).await);
    let request = WatchLearnerRequest {
        user_id: "ada".to_owned(),
        ..WatchLearnerRequest::default()
    };
    let mut watches = Vec::new();
    for count in 1..=2 {
        let watch = learners.watch_learner(request.clone()).await;
        watches.push(watch.expect("a watch").into_inner());
        in_flight(count);
    }
    watches.pop();
    in_flight(1);
    drop(watches);
    in_flight(0);
}

/// A Prometheus with the example's configuration that scrapes this node.
struct Prometheus {
    url: String,
    _process: Process,
}

impl Prometheus {
    fn start(home: &Home) -> Prometheus {
        let example = fs::read_to_string(deployed().join("prometheus.yml")).expect("the example");
        assert!(example.contains(EXAMPLE_TARGET));
        let node = home.url("");
        let target = node.strip_prefix("http://").expect("a URL");
        let config = home.folder().join("prometheus.yml");
        fs::write(&config, example.replace(EXAMPLE_TARGET, target)).expect("a configuration");
        fs::copy(deployed().join(RULES), home.folder().join(RULES)).expect("the rules");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--storage.tsdb.path")
            .arg(home.folder().join("series"));
        let process = Process::spawn(&mut command, home.folder(), "prometheus");
        Prometheus {
            url: format!("http://{address}"),
            _process: process,
        }
    }

    /// `data` of an answer; `None` until Prometheus is up.
    fn data(&self, path: &str) -> Option<Value> {
        let (status, answer) = http::get(&format!("{}{path}", self.url))?;
        let mut answer: Value = serde_json::from_str(&answer).ok()?;
        (status == 200).then(|| answer["data"].take())
    }

    /// The value of the only series with this label, once there is one.
    fn value(&self, metric: &str, (label, value): (&str, &str)) -> Option<String> {
        let data = self.data(&format!("/api/v1/query?query={metric}"))?;
        let series = data["result"].as_array()?;
        let series = series
            .iter()
            .find(|series| series["metric"][label] == value)?;
        Some(series["value"][1].as_str()?.to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_a_node_and_loads_its_rules() {
    if !tool::is_there("prometheus", PACKAGE) {
        return;
    }
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    at_work(&home).await;
    let prometheus = Prometheus::start(&home);
    until("a target that is up", || {
        let up = prometheus.value("up", ("job", "homeroom"))?;
        (up == "1").then_some(())
    });
    until("the sources' counters", || {
        let received = prometheus.value("homeroom_source_received_total", ("source", "lms"))?;
        (received == EVENTS.to_string()).then_some(())
    });
    let rules = until("rules that were evaluated", || {
        let groups = prometheus.data("/api/v1/rules")?;
        let rules = groups["groups"][0]["rules"].as_array()?.clone();
        let is_unknown = |rule: &Value| rule["health"] == "unknown";
        (!rules.iter().any(is_unknown)).then_some(rules)
    });
    assert_eq!(rules.len(), ALERTS);
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        // A fresh, idle node raises no alert.
        assert_eq!(rule["state"], "inactive", "{rule}");
        assert!(
            ["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap_or("")),
            "{rule}"
        );
        let description = rule["annotations"]["description"].as_str().expect("words");
        assert!(description.contains("homeroom doctor"), "{rule}");
    }
}
