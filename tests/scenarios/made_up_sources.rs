//! Refused events under thousands of long, made-up source names.

use homeroom_client::v1::{self, EventStatus};
use serde_json::Value;

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, accepted, click, client, publish};

/// 600 for each shard: more than it counts by name.
const NAMES: usize = 16 * 600;
const BATCH: usize = 1_200;

/// An event without a time, of a source of its own.
fn refused(number: usize) -> v1::Event {
    v1::Event {
        timestamp: None,
        source: format!("{number:01000}"),
        ..click(&format!("learner-{number}"), "1", 0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_sources_take_neither_places_nor_answers_from_others() {
    let home = Home::new(&["--shards", "16"]);
    let node = home.start();
    let client = client(&home);
    for batch in 0..NAMES / BATCH {
        let events = (batch * BATCH..(batch + 1) * BATCH).map(refused).collect();
        for outcome in publish(&client, events).await {
            assert_eq!(outcome.status(), EventStatus::DeadLettered, "{outcome:?}");
        }
    }
    let event = v1::Event {
        course_id: "algebra".to_owned(),
        ..click("ada", "1", HOUR_MS)
    };
    accepted(&client, vec![event]).await;

    let summary = home.cli().json(&["dead-letters", "summary"]);
    let sources = summary["sources"].as_array().expect("sources");
    let of = |name: &str| sources.iter().find(|source| source["source"] == name);
    let count = |source: &Value, field: &str| source[field].as_u64().unwrap_or_default();
    assert_eq!(
        of("lms").map(|lms| count(lms, "accepted")),
        Some(1),
        "has a place"
    );
    assert!(of("other").is_some_and(|other| count(other, "deadLettered") > 0));
    let received: u64 = sources.iter().map(|source| count(source, "received")).sum();
    assert_eq!(received, NAMES as u64 + 1, "every delivery is counted");
    assert!(sources.len() <= 1_001 && summary["groups"].as_array().expect("groups").len() <= 1_010);

    // Sixteen shards tell their freshness in the answer about a course.
    let request = v1::GetCourseRequest {
        course_id: "algebra".to_owned(),
        ..v1::GetCourseRequest::default()
    };
    let course = client.get_course(request).await.expect("an answer");
    assert_eq!(course.roster.len(), 1);
    let lists_lms = |of: &v1::Freshness| of.sources.iter().any(|source| source.source == "lms");
    assert!(
        course.freshness.iter().any(lists_lms),
        "it was heard of last"
    );
    node.kill();

    let _node = home.start();
    assert_eq!(
        home.cli().json(&["dead-letters", "summary"])["sources"],
        summary["sources"]
    );
}
