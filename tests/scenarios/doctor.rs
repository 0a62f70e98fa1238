//! The doctor: no findings on a healthy node, the right ones where something is wrong.

use homeroom_client::{Client, v1};
use serde_json::{Value, json};

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, MINUTE_MS, accepted, click, client, publish};
use crate::harness::http;

/// In the order of the checklist.
const CHECKS: [&str; 15] = [
    "conservation",
    "producer-gaps",
    "dead-letters",
    "conflicts",
    "watermark",
    "sources",
    "home-pages",
    "replicas",
    "log",
    "fsync",
    "checkpoints",
    "queues",
    "memory",
    "disk",
    "clock",
];
/// These depend on the machine that runs the tests.
const OF_THE_MACHINE: [&str; 2] = ["disk", "fsync"];

/// The findings of `homeroom --json doctor`, checked for consistency.
struct Diagnosis(Vec<Value>);

impl Diagnosis {
    fn of(home: &Home) -> Diagnosis {
        let output = home.cli().run(&["doctor"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
        let findings = document["findings"].as_array().expect("findings").clone();
        let is_wrong = |finding: &Value| is_wrong(finding);
        let healthy = !findings.iter().any(is_wrong);
        assert_eq!(document["healthy"], json!(healthy), "{document}");
        assert_eq!(output.status.code(), Some(i32::from(!healthy)));
        let mut checks: Vec<&str> = findings
            .iter()
            .map(|finding| text(finding, "check"))
            .collect();
        checks.dedup();
        assert_eq!(checks, CHECKS, "at least one finding for each, in order");
        for finding in findings.iter().filter(|finding| is_wrong(finding)) {
            assert!(!text(finding, "advice").is_empty(), "{finding}");
        }
        Diagnosis(findings)
    }

    /// Check and subject of each finding about the node, leaving out those about the machine.
    fn wrong(&self) -> Vec<(&str, &str)> {
        let wrong = self.0.iter().filter(|finding| is_wrong(finding));
        wrong
            .map(|finding| (text(finding, "check"), text(finding, "subject")))
            .filter(|(check, _)| !OF_THE_MACHINE.contains(check))
            .collect()
    }

    /// The only finding of a check about a subject.
    fn finding(&self, check: &str, subject: &str) -> &Value {
        let mut found = self.0.iter().filter(|finding| {
            text(finding, "check") == check && text(finding, "subject") == subject
        });
        let only = found.next().zip(Some(found.next()));
        let (finding, None) = only.unwrap_or_else(|| panic!("{check}: {:?}", self.0)) else {
            panic!("{check} more than once: {:?}", self.0);
        };
        finding
    }
}

fn text<'f>(finding: &'f Value, field: &str) -> &'f str {
    finding[field].as_str().expect("a text")
}

fn is_wrong(finding: &Value) -> bool {
    ["WARNING", "FAULT"].contains(&text(finding, "severity"))
}

fn numbered(number: u64) -> v1::Event {
    let id = format!("numbered-{number}");
    v1::Event {
        producer_sequence: Some(number),
        ..click("ada", &id, HOUR_MS + 1_000)
    }
}

fn of(source: &str, event: v1::Event) -> v1::Event {
    v1::Event {
        source: source.to_owned(),
        ..event
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_node_passes() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    assert_eq!(Diagnosis::of(&home).wrong(), [], "before anything came");
    let client = client(&home);
    let events = (1..=20).map(|number| v1::Event {
        user_id: format!("learner-{number}"),
        ..numbered(number)
    });
    accepted(&client, events.collect()).await;
    post_statement(&home, "https://lms.test", "Ada");
    let diagnosis = Diagnosis::of(&home);
    assert_eq!(diagnosis.wrong(), []);
    let conservation = text(diagnosis.finding("conservation", ""), "words");
    assert!(
        conservation.starts_with("21 deliveries of 2 sources"),
        "{conservation}"
    );
    let plain = home.cli().run_plain(&["doctor"]);
    let plain = String::from_utf8(plain.stdout).expect("UTF-8");
    for check in CHECKS {
        let line = plain.lines().find(|line| line.contains(check));
        let line = line.unwrap_or_else(|| panic!("{check} is not in\n{plain}"));
        assert!(
            line.starts_with('✓') || OF_THE_MACHINE.contains(&check),
            "{line}"
        );
    }
}

/// An event far behind the others. Sent last before a diagnosis: after 30 s the source counts as
/// silent, and no longer as behind.
async fn lag(client: &Client, id: &str) {
    let old = click("ada", id, HOUR_MS - 10 * MINUTE_MS);
    accepted(client, vec![of("archive", old)]).await;
}

/// Causes one finding after the other; all but the last within the sources' delay of each other.
async fn go_wrong(home: &Home, client: &Client) {
    accepted(client, [1, 2, 5].map(numbered).to_vec()).await;
    let nameless = of("video", click("", "nameless", HOUR_MS));
    let refused = publish(client, vec![nameless]).await;
    assert_eq!(refused[0].status(), v1::EventStatus::DeadLettered);
    let once = of("quiz", click("ada", "again", HOUR_MS + 2_000));
    accepted(client, vec![once]).await;
    let other = of("quiz", click("ada", "again", HOUR_MS + 2_001));
    let duplicate = publish(client, vec![other]).await;
    assert_eq!(duplicate[0].status(), v1::EventStatus::Duplicate);
    home.cli()
        .json(&["settings", "set", "sources.camera.ordered=true"]);
    for (id, at_ms) in [("1", HOUR_MS + 3_000), ("2", HOUR_MS + 2_999)] {
        accepted(client, vec![of("camera", click("ada", id, at_ms))]).await;
    }
    lag(client, "old").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_with_what_to_do() {
    let home = Home::new(&["--shards", "1"]);
    let node = home.start();
    let client = client(&home);
    go_wrong(&home, &client).await;
    let diagnosis = Diagnosis::of(&home);
    let wrong = [
        ("producer-gaps", "lms"),
        ("dead-letters", "video"),
        ("conflicts", "quiz"),
        ("sources", "archive"),
        ("sources", "camera"),
    ];
    assert_eq!(diagnosis.wrong(), wrong);
    for (check, subject, words, advice) in [
        ("producer-gaps", "lms", "1 to 5, 2 are missing", "lms"),
        (
            "dead-letters",
            "video",
            "1 of 1 deliveries are kept as dead letters (100.0 %): 1 missing_field",
            "homeroom dead-letters list --source video",
        ),
        ("conflicts", "quiz", "1 of 2 deliveries", "eventId"),
        ("sources", "archive", "10m 3s apart", "archive"),
        (
            "sources",
            "camera",
            "declared ordered",
            "homeroom settings set sources.camera.ordered=false",
        ),
    ] {
        let finding = diagnosis.finding(check, subject);
        assert!(text(finding, "words").contains(words), "{finding}");
        assert!(text(finding, "advice").contains(advice), "{finding}");
    }
    let plain = home.cli().run_plain(&["doctor"]);
    let said = String::from_utf8_lossy(&plain.stderr).into_owned();
    assert_eq!(plain.status.code(), Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    // Follows the doctor's advice.
    home.cli()
        .json(&["settings", "set", "sources.camera.ordered=false"]);
    accepted(&client, [3, 4].map(numbered).to_vec()).await;
    lag(&client, "older").await;
    let still = [
        ("dead-letters", "video"),
        ("conflicts", "quiz"),
        ("sources", "archive"),
    ];
    assert_eq!(Diagnosis::of(&home).wrong(), still);
    node.kill();
    let _node = home.start();
    let after = Diagnosis::of(&home);
    assert!(
        after.wrong().starts_with(&still[..1]),
        "a kill mends nothing that is kept"
    );
    let conflict = after.finding("conflicts", "quiz");
    assert_eq!(conflict["severity"], "NOTE", "none since the start");
}

fn post_statement(home: &Home, home_page: &str, name: &str) {
    let statement = json!({
        "actor": { "account": { "homePage": home_page, "name": name } },
        "verb": { "id": "http://adlnet.gov/expapi/verbs/experienced" },
        "object": { "id": "https://lms.test/page" },
        "timestamp": "2025-03-05T08:00:00Z",
    });
    let body = statement.to_string();
    let url = home.url("/xAPI/statements");
    let (status, answer) = http::post_json(&url, Some("portal"), body.as_bytes());
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn two_homepages_under_one_source_are_reported_until_they_are_part_of_the_id() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    post_statement(&home, "https://north.test", "ada");
    assert_eq!(Diagnosis::of(&home).wrong(), []);
    post_statement(&home, "https://south.test", "ada");
    let diagnosis = Diagnosis::of(&home);
    assert_eq!(diagnosis.wrong(), [("home-pages", "portal")]);
    let finding = diagnosis.finding("home-pages", "portal");
    for page in ["https://north.test", "https://south.test"] {
        assert!(text(finding, "words").contains(page), "{finding}");
    }
    let change = "sources.portal.actor-form=home_page_and_name";
    let command = format!("homeroom settings set {change}");
    assert!(text(finding, "advice").contains(&command), "{finding}");
    home.cli().json(&["settings", "set", change]);
    assert_eq!(Diagnosis::of(&home).wrong(), []);
}

#[test]
fn a_node_that_can_not_be_reached_is_not_called_healthy() {
    let home = Home::new(&["--shards", "1"]);
    let output = home.cli().run(&["--timeout", "1s", "doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is a node running there?"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
