//! `/v1/events`.

use super::*;

const LINES: (&str, &str) = ("content-type", "application/x-ndjson");

async fn publish(served: &Served, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    post_to(served, "/v1/events", headers, body).await
}

fn received(served: &Served) -> Vec<Vec<Bytes>> {
    let published = served.published.lock().expect("lock");
    published.iter().map(|(_, events)| events.clone()).collect()
}

#[tokio::test]
async fn events_come_alone_in_an_array_or_by_line() {
    let served = quick().await;
    let one = r#"{"id":"a", "verb":"x"}"#;
    let marked = format!("\u{feff}{one}");
    let by_line = format!("{one}\r\n\n{one}\n");
    let array = format!("[{one},\n {one}]");
    let packed = gzip(by_line.as_bytes());
    let cases: [(&[_], Bytes, usize); 7] = [
        (&[JSON], one.into(), 1),
        (&[JSON], marked.into(), 1),
        (&[JSON], array.into(), 2),
        (&[JSON], by_line.clone().into(), 2),
        (&[LINES], by_line.into(), 2),
        (&[LINES, GZIP], packed.into(), 2),
        (&[LINES], one.into(), 1),
    ];
    for (nth, (headers, body, count)) in cases.into_iter().enumerate() {
        let answer = publish(&served, headers, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{nth}");
        assert_eq!(received(&served)[nth], vec![Bytes::from(one); count]);
        assert_eq!(answer.json()["accepted"], count);
    }
}

#[tokio::test]
async fn each_event_is_answered_by_itself() {
    let served = quick().await;
    let body = r#"[{"id":"a","verb":"x"},{"id":"b","verb":"other"},{"verb":"shadow"},{"id":"d"}]"#;
    let answer = publish(&served, &[JSON], body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let json = answer.json();
    let position = json["position"].as_str().expect("a position").to_owned();
    let expected = json!({
        "outcomes": [
            {"index": 0, "eventId": "a", "status": "ACCEPTED"},
            {"index": 1, "eventId": "b", "status": "DUPLICATE", "conflicting": true},
            {"index": 2, "status": "SHADOWED"},
            {"index": 3, "eventId": "d", "status": "DEAD_LETTERED", "reason": "MISSING_FIELD", "detail": "verb"},
        ],
        "received": 4, "accepted": 1, "duplicate": 1, "shadowed": 1, "deadLettered": 1,
        "position": position,
    });
    assert_eq!(json, expected);
    assert_eq!(answer.header("homeroom-position"), position);
    let token: homeroom_proto::v1::PositionToken = position.parse().expect("a token");
    assert_eq!(
        (token.cluster_id.as_str(), token.shards[0].index),
        ("fake", 1)
    );
}

#[tokio::test]
async fn a_line_that_is_no_json_is_an_event_of_its_own() {
    let served = quick().await;
    for headers in [&[LINES], &[JSON]] {
        let body = "{\"verb\":\"x\"}\nbroken\n{\"verb\":\"x\"}";
        let answer = publish(&served, headers, body).await;
        assert_eq!(answer.status, StatusCode::OK);
        let outcomes = &answer.json()["outcomes"];
        assert_eq!(outcomes[1]["reason"], "MALFORMED");
        assert_eq!(outcomes[2]["status"], "ACCEPTED");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_kept_whole() {
    let served = quick().await;
    for body in ["[{\"verb\":\"x\"},", "broken", "{\"verb\":"] {
        let answer = publish(&served, &[JSON], body).await;
        assert_eq!(answer.code(), (400, "malformed".to_owned()), "{body}");
        assert_eq!(received(&served).last(), Some(&vec![Bytes::from(body)]));
    }
}

#[tokio::test]
async fn nothing_is_something_else_than_an_empty_array() {
    let served = quick().await;
    let answer = publish(&served, &[JSON], "[]").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["outcomes"], json!([]));
    assert!(!answer.headers.contains_key("homeroom-position"));
    for headers in [&[JSON], &[LINES]] {
        let answer = publish(&served, headers, "\r\n").await;
        assert_eq!(answer.code(), (400, "empty_body".to_owned()));
    }
    assert!(received(&served).is_empty());
}

#[tokio::test]
async fn what_could_not_be_taken_is_to_be_sent_again() {
    let served = quick().await;
    let answer = publish(&served, &[JSON], r#"[{"verb":"x"},{"verb":"retry"}]"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "1");
    let json = answer.json();
    assert_eq!((&json["received"], &json["retry"]), (&json!(1), &json!(1)));
    assert_eq!(json["outcomes"][1]["status"], "RETRY");
    assert_eq!(json["outcomes"][1]["unknown"], serde_json::Value::Null);
    assert_eq!(answer.code(), (503, "unavailable".to_owned()));
    let answer = publish(&served, &[JSON], r#"{"verb":"overload"}"#).await;
    assert_eq!(answer.code(), (503, "overloaded".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn an_unknown_outcome_is_told_apart_from_what_is_not_stored() {
    let served = quick().await;
    let body = r#"[{"verb":"x"},{"verb":"retry"},{"verb":"unknown"}]"#;
    let answer = publish(&served, &[JSON], body).await;
    assert_eq!(answer.code(), (503, "outcome_unknown".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.headers.contains_key("homeroom-position"));
    let json = answer.json();
    let counts = ["received", "retry", "unknown"].map(|name| json[name].as_u64());
    assert_eq!(counts, [Some(1), Some(2), Some(1)]);
    let last = &json["outcomes"][2];
    assert_eq!(
        (&last["status"], &last["unknown"]),
        (&json!("RETRY"), &json!(true))
    );
}

#[tokio::test]
async fn what_is_no_body_of_events_is_refused_before_it_is_read() {
    let served = quick().await;
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Headers<'_>, &str); 4] = [
        (&[], "unsupported_type"),
        (&[("content-type", "text/plain")], "unsupported_type"),
        (
            &[("content-type", "application/x-www-form-urlencoded")],
            "unsupported_type",
        ),
        (
            &[LINES, ("content-encoding", "zstd")],
            "unsupported_encoding",
        ),
    ];
    for (headers, code) in cases {
        let answer = publish(&served, headers, "{}").await;
        assert_eq!(answer.code(), (415, code.to_owned()), "{headers:?}");
    }
    let many = format!("[{}1]", "1,".repeat(50_000));
    let answer = publish(&served, &[JSON], many).await;
    assert_eq!(answer.code(), (413, "too_many_events".to_owned()));
    let many = "1\n".repeat(50_001);
    let answer = publish(&served, &[LINES], many).await;
    assert_eq!(answer.code(), (413, "too_many_events".to_owned()));
    assert!(received(&served).is_empty());
}
