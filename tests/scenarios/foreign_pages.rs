//! Browsers of others: names that point at the node, pages of other origins.

use serde_json::json;

use crate::harness::events::{HOUR_MS, accepted, click, client};
use crate::harness::{Home, http};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const EVIL: (&str, &str) = ("Host", "evil.example");
const PAGE: (&str, &str) = ("Origin", "https://lms.example");
const EVENT: &[u8] = br#"{"eventId":"x","userId":"ada","timestamp":"2025-03-05T08:00:00Z","eventType":"click","source":"a"}"#;

fn count(home: &Home) -> serde_json::Value {
    home.cli().json(&["get", "ada"])["found"].clone()
}

#[test]
fn a_name_that_points_at_the_node_neither_reads_nor_posts() {
    let home = Home::new(&["--shards", "1"]).with("web.hosts", "homeroom");
    let _node = home.start();
    for path in ["/v1/courses", "/v1/learners/ada", "/metrics", "/xAPI/about"] {
        let read = http::send("GET", &home.url(path), &[EVIL], b"");
        assert_eq!(read.error(), (421, "unknown_host".to_owned()), "{path}");
    }
    let posted = http::post(&home.url("/v1/events"), &[EVIL, JSON], EVENT);
    assert_eq!(posted.error(), (421, "unknown_host".to_owned()));
    assert_eq!(count(&home), json!(false), "nothing was taken");
    let named = ("Host", "homeroom:7401");
    let read = http::send("GET", &home.url("/v1/courses"), &[named], b"");
    assert_eq!(read.status, 200, "a configured name");
    let probed = http::send("GET", &home.url("/readyz"), &[EVIL], b"");
    assert_eq!(probed.status, 200, "a probe may use any name");
}

#[test]
fn a_foreign_page_neither_reads_nor_posts() {
    let home = Home::new(&["--shards", "1"]).with("web.origins", "https://lms.example");
    let _node = home.start();
    let events = home.url("/v1/events");
    for foreign in [
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://localhost:3000"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        let simple = ("Content-Type", "text/plain");
        let posted = http::post(&events, &[foreign, simple], EVENT);
        assert_eq!(
            posted.error(),
            (403, "foreign_origin".to_owned()),
            "{foreign:?}"
        );
        let posted = http::post(&events, &[foreign, JSON], EVENT);
        assert_eq!(
            posted.error(),
            (403, "foreign_origin".to_owned()),
            "{foreign:?}"
        );
        let read = http::send("GET", &home.url("/v1/courses"), &[foreign], b"");
        assert_eq!(
            read.error(),
            (403, "foreign_origin".to_owned()),
            "{foreign:?}"
        );
    }
    assert_eq!(count(&home), json!(false), "nothing was taken");
    let posted = http::post(&events, &[PAGE, JSON], EVENT);
    assert_eq!(posted.status, 200);
    assert_eq!(posted.header("access-control-allow-origin"), PAGE.1);
    let asks = ("Access-Control-Request-Method", "POST");
    let preflight = http::send("OPTIONS", &events, &[PAGE, asks], b"");
    assert_eq!(preflight.header("access-control-allow-origin"), PAGE.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_learners_can_not_command_a_terminal() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let hostile = "a\u{1b}[2J\u{9b}\r\nforged\u{7f}\u{202e}\u{2066}b\0";
    let mut event = click(hostile, "1", HOUR_MS);
    event.course_id = format!("c{hostile}");
    event.source = format!("s{hostile}");
    event.session_id = format!("t{hostile}");
    event.object_id = format!("o{hostile}");
    accepted(&client(&home), vec![event.clone()]).await;
    event.event_id = "2".to_owned();
    event.timestamp = None;
    let _refused = client(&home)
        .publish(&homeroom_client::Batch::of_events(&[event]))
        .await;
    let course = format!("c{hostile}").replace('\0', "");
    let without_nul = hostile.replace('\0', "");
    for arguments in [
        &["course"][..],
        &["course", &course],
        &["get", &without_nul],
        &["windows", &without_nul],
        &["windows"],
        &["dead-letters", "list"],
        &["dead-letters", "summary"],
        &["doctor"],
        &["cluster", "describe"],
    ] {
        for output in [home.cli().run_plain(arguments), home.cli().run(arguments)] {
            let both = [output.stdout, output.stderr].concat();
            let shown = String::from_utf8(both).expect("UTF-8");
            let is_obeyed = |c: char| {
                c.is_control() && c != '\n'
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!shown.contains(is_obeyed), "{arguments:?}: {shown:?}");
            assert!(
                !shown.lines().any(|line| line.starts_with("forged")),
                "{shown}"
            );
        }
    }
    let courses = home.cli().json(&["course"]);
    assert_eq!(
        courses["courses"][0]["courseId"],
        json!(format!("c{hostile}"))
    );
}
