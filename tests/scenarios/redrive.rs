//! Re-driven dead letters: each event counts once, and what is refused again stays a dead letter.

use homeroom_client::v1::{self, EventStatus, RawEvents, RawFormat};
use homeroom_client::{Batch, Client, ClientOptions, parse_endpoints};
use serde_json::json;
use tonic::Code;

use crate::harness::events::{
    HOUR_MS, MINUTE_MS, accepted, click, client, connect, event, minutes, profile, publish, quiz,
};
use crate::harness::letters::{all, assert_counts, reasons, redrive};
use crate::harness::{Home, check};
use crate::refusal_cases::statement;

/// A result of one and a half times the maximum points.
fn bonus(user_id: &str, event_id: &str, at_ms: i64) -> v1::Event {
    v1::Event {
        score: Some(15.0),
        ..quiz(user_id, event_id, at_ms)
    }
}

fn of(source: &str, event: v1::Event) -> v1::Event {
    v1::Event {
        source: source.to_owned(),
        ..event
    }
}

async fn refused(client: &Client, events: Vec<v1::Event>) {
    for outcome in publish(client, events).await {
        assert_eq!(outcome.status(), EventStatus::DeadLettered, "{outcome:?}");
    }
}

async fn refused_raw(client: &Client, format: RawFormat, payload: String, source: &str) {
    let raw = RawEvents {
        format: format.into(),
        payloads: vec![payload.into()],
        source: source.to_owned(),
    };
    let outcome = client
        .publish(&Batch::Raw(raw))
        .await
        .expect("an outcome")
        .remove(0);
    assert_eq!(outcome.status(), EventStatus::DeadLettered, "{outcome:?}");
}

fn set(home: &Home, change: &str) {
    home.cli().json(&["settings", "set", change]);
}

/// Received, accepted, duplicate and dead-lettered events of a source.
fn counts(home: &Home, name: &str) -> [u64; 4] {
    let sources = check::balanced(&home.cli());
    let source = sources.iter().find(|source| source["source"] == name);
    let source = source.unwrap_or_else(|| panic!("{name} in {sources:?}"));
    ["received", "accepted", "duplicate", "deadLettered"]
        .map(|name| source[name].as_u64().expect("a count"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_mended_setting_each_event_counts_once() {
    let home = Home::new(&["--shards", "4"]);
    let node = home.start();
    let (client, cli) = (client(&home), home.cli());
    let learners = ["ada", "bo", "cleo", "dan", "eve"];
    let results = learners.map(|learner| bonus(learner, "1", HOUR_MS));
    refused(&client, results.to_vec()).await;
    refused(&client, vec![of("exam", bonus("ada", "2", HOUR_MS))]).await;
    let native = json!({
        "eventId": "3", "userId": "ada", "sessionId": "s", "timestamp": "2025-03-05T08:00:00Z",
        "eventType": "quiz_submitted", "source": "lms", "score": 15, "maxScore": 10,
    });
    refused_raw(&client, RawFormat::NativeJson, native.to_string(), "").await;
    let kept = all(&cli);
    let summary = redrive(&cli, &["--dry-run"]);
    assert_counts(&summary, &[("matched", 7)]);
    let again = summary["refusedAgain"].as_array().expect("groups");
    let groups: Vec<_> = again
        .iter()
        .map(|group| (&group["source"], &group["reason"], &group["count"]))
        .collect();
    let reason = "VALUE_OUT_OF_RANGE".into();
    assert_eq!(
        groups,
        [
            (&"exam".into(), &reason, &1.into()),
            (&"lms".into(), &reason, &6.into())
        ]
    );
    assert!(
        again[0]["detail"]
            .as_str()
            .is_some_and(|it| it.contains("at most"))
    );

    set(&home, "sources.lms.extra-credit=true");
    let summary = redrive(&cli, &["--dry-run"]);
    assert_counts(&summary, &[("matched", 7), ("passable", 6)]);
    assert_eq!(all(&cli), kept, "a dry run changes nothing");
    assert_eq!(counts(&home, "lms"), [6, 0, 0, 6]);
    let summary = redrive(&cli, &[]);
    assert_counts(
        &summary,
        &[("matched", 7), ("accepted", 6), ("deadLettered", 1)],
    );
    assert_eq!(counts(&home, "lms"), [12, 6, 0, 6]);
    assert_eq!(
        counts(&home, "exam"),
        [2, 0, 1, 1],
        "refused again, its delivery is a duplicate of its letter"
    );
    assert_eq!(all(&cli).len(), 1);
    let summary = redrive(&cli, &["--source", "lms"]);
    assert_counts(&summary, &[]);
    node.kill();

    let _node = home.start();
    assert_eq!(all(&cli).len(), 1, "a kill brings none back");
    for learner in learners {
        let windows = minutes(&client, learner).await;
        let results = if learner == "ada" { 2 } else { 1 };
        assert_eq!(windows.len(), 1);
        assert_eq!(
            (windows[0].quiz_count, windows[0].average_score),
            (results, Some(1.5)),
            "{learner}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_learner_refused_counts_once_the_policy_is_mended() {
    let home = Home::new(&["--shards", "2"]).with("founding.late_policy", "dead_letter");
    let node = home.start();
    let (client, cli) = (client(&home), home.cli());
    let drill = |event_type: &str| v1::Settings {
        poison_drill_type: Some(event_type.to_owned()),
        ..v1::Settings::default()
    };
    client
        .update_settings(drill("drill"))
        .await
        .expect("a drill");
    accepted(&client, vec![click("ada", "1", HOUR_MS)]).await;
    accepted(&client, vec![click("ada", "2", HOUR_MS + 10 * MINUTE_MS)]).await;
    let newest = HOUR_MS + 10 * MINUTE_MS;
    refused(
        &client,
        vec![
            click("ada", "late", HOUR_MS + 1_000),
            event("ada", "poison", newest, "drill"),
        ],
    )
    .await;
    let summary = redrive(&cli, &["--dry-run"]);
    assert_counts(&summary, &[("matched", 2), ("passable", 2)]);
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", 2), ("deadLettered", 2)]);
    assert_eq!(reasons(&cli), ["LATE", "POISON"], "kept once each");

    client.update_settings(drill("")).await.expect("its end");
    let summary = redrive(&cli, &["--reason", "poison"]);
    assert_counts(&summary, &[("matched", 1), ("accepted", 1)]);
    set(&home, "late-policy=amend");
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", 1), ("accepted", 1)]);
    assert_counts(&redrive(&cli, &[]), &[]);
    node.kill();

    let _node = home.start();
    assert!(all(&cli).is_empty());
    assert_eq!(profile(&client, "ada").await.map(|it| it.events), Some(4));
    assert_eq!(minutes(&client, "ada").await[0].clicks, 2);
    assert_eq!(counts(&home, "lms"), [8, 4, 2, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_source_sent_anew_itself_is_a_duplicate() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let (client, cli) = (client(&home), home.cli());
    refused(
        &client,
        vec![bonus("ada", "1", HOUR_MS), bonus("bo", "1", HOUR_MS)],
    )
    .await;
    accepted(&client, vec![quiz("ada", "1", HOUR_MS)]).await;
    set(&home, "sources.lms.extra-credit=true");
    accepted(&client, vec![bonus("bo", "1", HOUR_MS)]).await;
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", 2), ("duplicate", 2)]);
    assert!(all(&cli).is_empty());
    assert_eq!(minutes(&client, "ada").await[0].average_score, Some(0.5));
    assert_eq!(minutes(&client, "bo").await[0].average_score, Some(1.5));
    assert_eq!(counts(&home, "lms"), [6, 2, 2, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_refused_is_kept_once_and_says_why_now() {
    let home = Home::new(&["--shards", "4"]).with("founding.late_policy", "dead_letter");
    let node = home.start();
    let (client, cli) = (client(&home), home.cli());
    accepted(&client, vec![click("ada", "1", HOUR_MS)]).await;
    accepted(&client, vec![click("ada", "2", HOUR_MS + 10 * MINUTE_MS)]).await;
    let triple = v1::Event {
        score: Some(30.0),
        ..quiz("ada", "3", HOUR_MS)
    };
    refused(&client, vec![triple, bonus("ada", "4", HOUR_MS)]).await;
    set(&home, "sources.lms.extra-credit=true");
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", 2), ("deadLettered", 2)]);
    let mut kept = all(&cli);
    kept.sort_by_key(|letter| letter["reason"].to_string());
    let shown = |letter: &serde_json::Value| {
        ["reason", "userId", "source"].map(|name| letter[name].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(
        shown(&kept[0]),
        ["LATE", "ada", "lms"],
        "one passed the door"
    );
    assert_eq!(shown(&kept[1]), ["VALUE_OUT_OF_RANGE", "ada", "lms"]);
    assert!(
        kept[1]["detail"]
            .as_str()
            .is_some_and(|it| it.contains("2 × ")),
        "{}",
        kept[1]
    );
    assert_eq!(kept.len(), 2);
    home.cli().json(&["cluster", "checkpoint"]);
    node.kill();
    let _node = home.start();
    let mut after = all(&cli);
    after.sort_by_key(|letter| letter["reason"].to_string());
    assert_eq!(after, kept);
    assert_counts(&redrive(&cli, &[]), &[("matched", 2), ("deadLettered", 2)]);
    assert_eq!(all(&cli).len(), 2);
    // 2 clicks; 2 refused. Their second deliveries: a duplicate, and a dead letter with another
    // reason. Their third: duplicates.
    assert_eq!(counts(&home, "lms"), [8, 2, 3, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_matches_is_sent_and_a_cut_one_never() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let (client, cli) = (client(&home), home.cli());
    let essay = format!("{{\"text\": \"{}\"}}", "x".repeat(70_000));
    refused_raw(&client, RawFormat::NativeJson, essay, "").await;
    refused_raw(&client, RawFormat::NativeJson, "{\"broken".to_owned(), "").await;
    let mut statement = statement();
    statement["result"]["score"]["raw"] = 15.into();
    refused_raw(
        &client,
        RawFormat::XapiJson,
        statement.to_string(),
        "moodle",
    )
    .await;
    refused(&client, vec![bonus("ada", "1", HOUR_MS)]).await;
    refused(&client, vec![of("exam", bonus("ada", "2", HOUR_MS))]).await;
    for source in ["lms", "exam", "moodle"] {
        set(&home, &format!("sources.{source}.extra-credit=true"));
    }
    let summary = redrive(&cli, &["--source", "listener:grpc"]);
    assert_counts(&summary, &[("matched", 2), ("deadLettered", 1), ("cut", 1)]);
    assert_eq!(counts(&home, "listener:grpc"), [3, 0, 1, 2]);
    let summary = redrive(&cli, &["--reason", "oversized"]);
    assert_counts(&summary, &[("matched", 1), ("cut", 1)]);

    let summary = redrive(
        &cli,
        &["--source", "exam", "--reason", "value_out_of_range"],
    );
    assert_counts(&summary, &[("matched", 1), ("accepted", 1)]);
    let refused_ms = |source: &str| {
        let letters = all(&cli);
        let letter = letters.iter().find(|letter| letter["source"] == source);
        let letter = letter.unwrap_or_else(|| panic!("{source} in {letters:?}"));
        letter["refusedMs"].as_i64().expect("a time").to_string()
    };
    let (moodle, lms) = (refused_ms("moodle"), refused_ms("lms"));
    let summary = redrive(&cli, &["--to", &moodle, "--source", "moodle"]);
    assert_counts(&summary, &[]);
    let summary = redrive(&cli, &["--from", &lms, "--source", "lms"]);
    assert_counts(&summary, &[("matched", 1), ("accepted", 1)]);
    let summary = redrive(&cli, &["--from", &moodle]);
    assert_counts(&summary, &[("matched", 1), ("accepted", 1)]);
    assert_eq!(
        counts(&home, "moodle"),
        [2, 1, 0, 1],
        "under its own source"
    );
    assert_eq!(reasons(&cli), ["MALFORMED", "OVERSIZED"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_letters_wait() {
    const LEARNERS: usize = 2_500;
    let home = Home::new(&["--shards", "2"]);
    let small = Home::new(&["--shards", "2"])
        .with("memory.learners_bytes_max", "16MiB")
        .in_the_folder_of(&home)
        .at_the_addresses_of(&home);
    let node = small.start();
    let options = ClientOptions {
        deadline: std::time::Duration::from_secs(60),
        ..ClientOptions::default()
    };
    let endpoints = parse_endpoints(&home.endpoint()).expect("a URL");
    let client = Client::connect_with(endpoints, options).expect("a client");
    refused(
        &client,
        vec![bonus("ada", "1", HOUR_MS), bonus("bo", "1", HOUR_MS)],
    )
    .await;
    set(&home, "sources.lms.extra-credit=true");
    let crowd = |number: usize| click(&format!("learner-{number}"), "1", HOUR_MS);
    accepted(&client, (0..LEARNERS).map(crowd).collect()).await;

    let output = home.cli().run(&["dead-letters", "redrive"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let summary = serde_json::from_slice(&output.stdout).expect("one document all the same");
    assert_counts(&summary, &[("matched", 2), ("retry", 2)]);
    assert_eq!(all(&home.cli()).len(), 2);
    node.kill();

    let _node = home.start();
    let summary = redrive(&home.cli(), &[]);
    assert_counts(&summary, &[("matched", 2), ("accepted", 2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_count_nothing_twice() {
    const LETTERS: usize = 2_000;
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let client = client(&home);
    let letter = |number: usize| {
        bonus(
            &format!("learner-{}", number % 9),
            &number.to_string(),
            HOUR_MS,
        )
    };
    refused(&client, (0..LETTERS).map(letter).collect()).await;
    set(&home, "sources.lms.extra-credit=true");
    let service =
        v1::dead_letter_service_client::DeadLetterServiceClient::new(connect(&home).await);
    let redrive = || {
        let mut service = service.clone();
        async move { service.redrive(v1::RedriveRequest::default()).await }
    };
    let answers = tokio::join!(redrive(), redrive(), redrive());
    let mut taken = 0;
    for answer in [answers.0, answers.1, answers.2] {
        match answer {
            Ok(summary) => taken += summary.into_inner().accepted,
            Err(status) => assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}"),
        }
    }
    assert_eq!(taken, LETTERS as u64);
    assert_eq!(counts(&home, "lms")[..2], [2 * taken, taken]);
    assert!(all(&home.cli()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_follows_its_learner_to_another_shard() {
    const LEARNERS: usize = 12;
    let home = Home::new(&["--shards", "16"]);
    let node = home.start();
    let (client, cli) = (client(&home), home.cli());
    for number in 0..LEARNERS {
        let mut statement = statement();
        statement["actor"]["account"]["name"] = format!("learner-{number}").into();
        statement["id"] = format!("5f7b1f9e-0000-4000-8000-{number:012}").into();
        statement["result"]["score"]["raw"] = if number == 0 { 30 } else { 15 }.into();
        let statement = statement.to_string();
        refused_raw(&client, RawFormat::XapiJson, statement, "moodle").await;
    }
    set(&home, "sources.moodle.actor-form=home_page_and_name");
    let matched = LEARNERS as u64;
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", matched), ("deadLettered", matched)]);
    let kept = all(&cli);
    assert_eq!(kept.len(), LEARNERS, "each is kept once, wherever that is");
    let moved = kept
        .iter()
        .filter(|letter| letter["userId"] == "http://example.org|learner-0");
    assert_eq!(moved.count(), 1, "{kept:?}");

    set(&home, "sources.moodle.extra-credit=true");
    let summary = redrive(&cli, &[]);
    let expected = [
        ("matched", matched),
        ("accepted", matched - 1),
        ("deadLettered", 1),
    ];
    assert_counts(&summary, &expected);
    node.kill();
    let _node = home.start();
    assert_eq!(all(&cli).len(), 1);
    check::balanced(&cli);
    let known = profile(&client, "http://example.org|learner-1").await;
    assert_eq!(known.map(|learner| learner.events), Some(1));
    assert_eq!(profile(&client, "learner-1").await, None);
}
