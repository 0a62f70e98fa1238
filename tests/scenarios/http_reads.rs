//! Reads over HTTP: the answers of gRPC as JSON, and watches as server-sent events.

use homeroom_client::{Client, v1};
use serde_json::Value;

use crate::harness::events::{HOUR_MS, MINUTE_MS, accepted, click, client, minutes, profile, quiz};
use crate::harness::sse::Events;
use crate::harness::{Home, http};

/// Gets a path that must be answered with this status.
fn get(home: &Home, status: u16, path: &str) -> Value {
    let (got, body) = http::get(&home.url(path)).expect("an answer");
    assert_eq!(got, status, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

/// Through text, as the node's own answer was: parsing a float may lose its last bit.
fn json(message: &impl serde::Serialize) -> Value {
    let text = serde_json::to_string(message).expect("JSON");
    serde_json::from_str(&text).expect("JSON")
}

fn sequence(user_id: &str) -> Vec<v1::Event> {
    let minute = |number: i64| HOUR_MS + number * MINUTE_MS;
    vec![
        click(user_id, "1", minute(0)),
        quiz(user_id, "2", minute(1)),
        click(user_id, "3", minute(2) + 1),
        click(user_id, "4", minute(5)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_and_its_windows_are_those_of_grpc() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let client = client(&home);
    let odd = "mailto:ada/lovelace@example.org";
    for user_id in ["ada", odd] {
        accepted(&client, sequence(user_id)).await;
    }
    for (user_id, path) in [
        ("ada", "/v1/learners/ada"),
        (odd, "/v1/learners/mailto:ada%2Flovelace%40example.org"),
    ] {
        let shown = get(&home, 200, &format!("{path}?consistency=linearizable"));
        let expected = profile(&client, user_id).await.expect("a profile");
        assert_eq!(shown["profile"], json(&expected));
        assert_eq!(
            (&shown["found"], &shown["freshness"]["boundMet"]),
            (&true.into(), &true.into())
        );
        let windows = minutes(&client, user_id).await;
        assert_eq!(windows.len(), 4);
        let expected = json(&windows);
        let whole = get(
            &home,
            200,
            &format!("{path}/windows?consistency=linearizable"),
        );
        assert_eq!(whole["windows"], expected);
        assert!(
            whole["windows"][0]["averageScore"].is_null(),
            "no quiz, no score"
        );
        assert_eq!(whole["windows"][1]["averageScore"], 0.5);
        assert_eq!(paged(&home, path), expected);
    }
    let some = get(
        &home,
        200,
        "/v1/learners/ada/windows?consistency=linearizable&from=2025-03-05T08:01:00Z&to=1741161780000",
    );
    let starts: Vec<i64> = some["windows"]
        .as_array()
        .expect("windows")
        .iter()
        .map(|window| window["startMs"].as_i64().expect("a time") - HOUR_MS)
        .collect();
    assert_eq!(starts, [MINUTE_MS, 2 * MINUTE_MS]);
    let part = get(
        &home,
        200,
        "/v1/learners/ada?fields=events&consistency=linearizable",
    );
    assert_eq!(part["profile"], serde_json::json!({"events": 4}));
}

/// All windows, page by page.
fn paged(home: &Home, path: &str) -> Value {
    let (mut windows, mut token) = (Vec::new(), String::new());
    loop {
        let page = format!("{path}/windows?pageSize=1&pageToken={token}&consistency=linearizable");
        let page = get(home, 200, &page);
        let some = page["windows"].as_array().expect("windows");
        assert!(some.len() <= 1);
        windows.extend(some.clone());
        page["nextPageToken"]
            .as_str()
            .expect("a token")
            .clone_into(&mut token);
        if token.is_empty() {
            return windows.into();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_makes_the_answer_as_new() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let client = client(&home);
    accepted(&client, sequence("ada")).await;
    let token = client.position().to_token().expect("a position");
    let url = home.url("/v1/learners/ada?onStale=fail");
    let ask = |position: &str| http::send("GET", &url, &[("Homeroom-Position", position)], b"");
    let answer = ask(&token.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let reached = answer.header("homeroom-position").parse();
    let reached: v1::PositionToken = reached.expect("a position");
    assert_eq!(reached.cluster_id, token.cluster_id);
    let at = |token: &v1::PositionToken, shard: u32| {
        let mut shards = token.shards.iter();
        shards.find(|at| at.shard == shard).map(|at| at.index)
    };
    let shard = reached.shards[0].shard;
    assert!(
        at(&reached, shard) >= at(&token, shard),
        "{reached:?} {token:?}"
    );
    let other = v1::PositionToken {
        cluster_id: "another".to_owned(),
        ..token
    };
    for wrong in ["AAAA".to_owned(), other.to_string()] {
        let refused = ask(&wrong).error();
        assert_eq!(refused, (400, "invalid_argument".to_owned()), "{wrong}");
    }
}

/// A click in a course.
fn in_course(user_id: &str, event_id: &str, course_id: &str) -> v1::Event {
    v1::Event {
        course_id: course_id.to_owned(),
        ..click(user_id, event_id, HOUR_MS)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn courses_are_those_of_grpc() {
    let home = Home::new(&["--shards", "4"]);
    let node = home.start();
    let client = client(&home);
    let odd = "urn:course/1 é";
    let mut watch = Events::open(&home, "/v1/courses/algebra/watch?minIntervalMs=100");
    let (name, first) = watch.next().expect("an answer at once");
    assert_eq!((&*name, &first["found"]), ("course", &false.into()));
    for user_id in ["ada", "bo", "cleo"] {
        let events = vec![
            in_course(user_id, "1", "algebra"),
            in_course(user_id, "2", odd),
        ];
        accepted(&client, events).await;
    }
    let shown = watch.until("three learners", |shown| shown["course"]["learners"] == 3);
    assert_eq!(shown["roster"].as_array().map(Vec::len), Some(3));

    let all = get(&home, 200, "/v1/courses?consistency=linearizable");
    let ids: Vec<&Value> = all["courses"]
        .as_array()
        .expect("courses")
        .iter()
        .map(|course| &course["courseId"])
        .collect();
    assert_eq!(ids, ["algebra", odd]);
    assert_eq!(all["freshness"].as_array().map(Vec::len), Some(4));
    let path = "/v1/courses/urn:course%2F1%20%C3%A9";
    let course = get(&home, 200, &format!("{path}?consistency=linearizable"));
    let request = v1::GetCourseRequest {
        course_id: odd.to_owned(),
        ..v1::GetCourseRequest::default()
    };
    let expected = client.get_course(request).await.expect("a course");
    assert_eq!(course["course"], json(&expected.course));
    assert_eq!(course["roster"], json(&expected.roster));
    let page = get(
        &home,
        200,
        &format!("{path}?pageSize=2&consistency=linearizable"),
    );
    assert_eq!(page["roster"].as_array().map(Vec::len), Some(2));
    assert_ne!(page["nextPageToken"], "");
    let windows = get(
        &home,
        200,
        &format!("{path}/windows?consistency=linearizable"),
    );
    assert_eq!(
        (
            &windows["windows"][0]["learners"],
            &windows["windows"][0]["clicks"]
        ),
        (&3.into(), &3.into())
    );
    let none = get(&home, 404, "/v1/courses/none");
    assert_eq!(none["error"]["code"], "not_found");
    node.terminate();
    while watch.next().is_some() {}
    assert!(node.wait().success());
}

#[test]
fn what_can_not_be_answered_says_why() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let stranger = get(&home, 404, "/v1/learners/stranger");
    assert_eq!(stranger["error"]["code"], "not_found");
    assert!(stranger["freshness"]["appliedIndex"].is_u64(), "{stranger}");
    get(&home, 404, "/v1/learners/stranger/windows");
    for (path, named) in [
        ("/v1/learners/ada?colour=red", "colour"),
        ("/v1/learners/ada?fields=name", "name"),
        ("/v1/learners/ada/windows?sizeMs=7", "size_ms"),
        ("/v1/learners/ada/windows?pageToken=x", "page_token"),
        ("/v1/learners/ada?consistency=session", "position"),
        ("/v1/learners/ada/watch?minIntervalMs=1", "min_interval_ms"),
    ] {
        let refused = get(&home, 400, path);
        let message = refused["error"]["message"].as_str().expect("words");
        assert!(message.contains(named), "{path}: {message}");
    }
    get(&home, 404, "/v1/learners");
}

/// Whether the learner has this number of events.
fn shows(events: u64) -> impl Fn(&Value) -> bool {
    move |shown: &Value| shown["profile"]["events"] == events
}

async fn one_more(client: &Client, event_id: &str) {
    accepted(client, vec![click("ada", event_id, HOUR_MS)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_tells_of_changes_until_the_node_stops() {
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    let client = client(&home);
    let mut watch = Events::open(&home, "/v1/learners/ada/watch?minIntervalMs=10");
    assert!(watch.head.contains("200 ok"), "{}", watch.head);
    assert!(
        watch.head.contains("content-type: text/event-stream"),
        "{}",
        watch.head
    );
    let (name, first) = watch.next().expect("an answer at once");
    assert_eq!((&*name, &first["found"]), ("learner", &false.into()));
    one_more(&client, "1").await;
    let shown = watch.until("the first event", shows(1));
    assert_eq!(shown["found"], true);
    assert!(shown["freshness"]["appliedIndex"].is_u64());
    let mut another = Events::open(&home, "/v1/learners/ada/watch?fields=events");
    one_more(&client, "2").await;
    watch.until("the second event", shows(2));
    let shown = another.until("the second event", shows(2));
    assert_eq!(shown["profile"], serde_json::json!({"events": 2}));
    drop(another);
    one_more(&client, "3").await;
    watch.until("the third event", shows(3));
    node.terminate();
    while watch.next().is_some() {}
    assert!(
        node.wait().success(),
        "a watch does not hold up a node that stops"
    );
}
