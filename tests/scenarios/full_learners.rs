//! Learners that fill their room, each by other fields: their further events are refused as
//! `learner_full`, others are served, and a killed node comes back as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use homeroom_client::Client;
use homeroom_client::v1::{DeadLetterReason, Event, EventOutcome, EventStatus};

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, accepted, click, client, event, profile, publish};

/// Events of a request.
const BATCH: usize = 100;
/// More events than any of these learners has room for.
const EVENTS_MAX: usize = 8_000;

/// A learner, and its events by number.
type Attack = (&'static str, fn(&str, usize) -> Event);

const ATTACKS: [Attack; 8] = [
    ("videos", |user, n| Event {
        object_id: format!("video {n}"),
        length_ms: Some((1 << 53) - 1),
        ..numbered(user, n, "video_played")
    }),
    ("sessions", |user, n| Event {
        session_id: long("session", n),
        ..numbered(user, n, "session_start")
    }),
    ("courses", |user, n| Event {
        course_id: format!("course {n}"),
        ..numbered(user, n, "enrolled")
    }),
    ("skills", |user, n| Event {
        skill_id: long("skill", n),
        ..answer(user, n)
    }),
    ("attempts in a pane", |user, n| Event {
        attempt_id: long("attempt", n),
        object_id: long("question", n),
        ..at(answer(user, n), HOUR_MS)
    }),
    ("types in a pane", |user, n| {
        at(event(user, &n.to_string(), 0, &long("type", n)), HOUR_MS)
    }),
    ("lengths of a video", |user, n| Event {
        length_ms: Some(n as u64),
        ..numbered(user, n, ["video_played", "video_paused"][n % 2])
    }),
    ("late events", |user, n| match n {
        0 => click(user, "0", HOUR_MS + 20 * 3_600_000),
        n => numbered(user, 10 * n, "click"),
    }),
];

/// An event of a second of its own.
fn numbered(user: &str, n: usize, event_type: &str) -> Event {
    let at_ms = HOUR_MS + i64::try_from(n).expect("a small number") * 1_000;
    event(user, &n.to_string(), at_ms, event_type)
}

fn answer(user: &str, n: usize) -> Event {
    Event {
        success: Some(false),
        ..numbered(user, n, "question_answered")
    }
}

fn at(moved: Event, at_ms: i64) -> Event {
    Event {
        timestamp: click("", "", at_ms).timestamp,
        ..moved
    }
}

/// A name of 1,000 bytes.
fn long(kind: &str, n: usize) -> String {
    format!("{:x<1000}", format!("{kind} {n} "))
}

/// With a source of the learner's own: a source keeps a mebibyte of dead letters.
fn sourced(event: Event) -> Event {
    Event {
        source: event.user_id.clone(),
        ..event
    }
}

fn is_full(outcome: &EventOutcome) -> bool {
    outcome.reason() == DeadLetterReason::LearnerFull
}

/// Publishes until events are refused. Returns the accepted ones of the last request.
async fn fill(client: &Client, (user, of): Attack) -> Vec<Event> {
    for from in (0..EVENTS_MAX).step_by(BATCH) {
        let events: Vec<Event> = (from..from + BATCH).map(|n| sourced(of(user, n))).collect();
        let outcomes = publish(client, events.clone()).await;
        for outcome in &outcomes {
            let status = outcome.status();
            let is_expected = match status {
                EventStatus::DeadLettered => is_full(outcome),
                _ => status == EventStatus::Accepted,
            };
            assert!(is_expected, "{user}: {outcome:?}");
        }
        if outcomes.iter().any(is_full) {
            let accepted = events.into_iter().zip(outcomes);
            let accepted = accepted.filter(|(_, outcome)| !is_full(outcome));
            return accepted.map(|(event, _)| event).collect();
        }
    }
    panic!("{user} has room for {EVENTS_MAX} events");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_that_fill_their_room_cost_no_other_anything() {
    let home = Home::new(&["--shards", "1"]).with("checkpoint.interval", "200ms");
    let node = home.start();
    let client = client(&home);
    let settings = ["settings", "set", "learner-bytes-max=64KiB"];
    home.cli().json(&settings);
    let is_over = Arc::new(AtomicBool::new(false));
    let other = tokio::spawn(another_learner(client.clone(), Arc::clone(&is_over)));
    let mut last_accepted = Vec::new();
    for attack in ATTACKS {
        last_accepted.push(fill(&client, attack).await);
    }
    is_over.store(true, Ordering::Relaxed);
    let answered = other.await.expect("its events are accepted");
    assert!(answered > ATTACKS.len(), "{answered} events in between");
    let before = profiles(&client).await;
    let counts = home.cli().json(&["dead-letters", "summary"]);
    node.kill();
    let node = home.start();
    assert_eq!(profiles(&client).await, before, "a kill changes nothing");
    assert_eq!(home.cli().json(&["dead-letters", "summary"]), counts);
    for events in last_accepted {
        for outcome in publish(&client, events).await {
            assert_eq!(outcome.status(), EventStatus::Duplicate, "{outcome:?}");
        }
    }
    assert!(node.stop().success());
}

/// One event after the other. Returns how many were accepted.
async fn another_learner(client: Client, is_over: Arc<AtomicBool>) -> usize {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        accepted(&client, vec![numbered("another", count, "click")]).await;
        count += 1;
    }
    count
}

async fn profiles(client: &Client) -> Vec<Option<homeroom_client::v1::LearnerProfile>> {
    let mut profiles = Vec::new();
    for (user, _) in ATTACKS {
        profiles.push(profile(client, user).await);
    }
    profiles
}
