//! `/xAPI`.

use headers::Authorization;
use headers::authorization::Credentials;

use super::*;

#[tokio::test]
async fn statements_are_published_as_they_came_and_answered_by_id() {
    let served = quick().await;
    let credential = ("authorization", "Basic bG1zOnNlY3JldA==");
    let version = ("X-Experience-API-Version", "2.0.0");
    let body = "[ {\"id\": \"a-1\",  \"verb\":\"x\", \"n\": 1.50}, {\"verb\":\"y\"}, {\"id\":\"\",\"verb\":\"late\"} ]";
    let answer = post(&served, &[JSON, credential, version], body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("x-experience-api-version"), "2.0.0");
    let ids: Vec<String> = serde_json::from_slice(&answer.body).expect("ids");
    assert_eq!((ids.len(), ids[0].as_str()), (3, "a-1"));

    let (source, statements) = served.published.lock().expect("lock")[0].clone();
    assert_eq!(source, "lms");
    assert_eq!(
        statements[0],
        "{\"id\": \"a-1\",  \"verb\":\"x\", \"n\": 1.50}"
    );
    for index in [1, 2] {
        let stored: Value = serde_json::from_slice(&statements[index]).expect("JSON");
        assert_eq!(stored["id"], ids[index]);
        assert_eq!(
            uuid::Uuid::parse_str(&ids[index])
                .expect("an UUID")
                .get_version_num(),
            5
        );
    }
    let again = post(&served, &[JSON, credential, version], body).await;
    assert_eq!(again.body, answer.body, "a retry is the same event");
}

#[tokio::test]
async fn a_single_statement_may_come_compressed_and_without_a_credential() {
    let served = quick().await;
    let body = gzip(br#"{"id":"one","verb":"x"}"#);
    let answer = post(&served, &[JSON, GZIP], body).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!(["one"]))
    );
    assert_eq!(answer.header("x-experience-api-version"), "1.0.3");
    let published = served.published.lock().expect("lock");
    assert_eq!(published[0].0, "xapi");
}

#[tokio::test]
async fn what_is_refused_is_kept_and_named() {
    let served = quick().await;
    let answer = post(&served, &[JSON], r#"{"id": "broken"#).await;
    assert_eq!(answer.code(), (400, "malformed".to_owned()));
    let mixed = r#"[{"id":"a","verb":"x"},{"id":"b"},7]"#;
    let answer = post(&served, &[JSON], mixed).await;
    assert_eq!(answer.code(), (400, "statements_refused".to_owned()));
    let refused = json!([
        {"index": 1, "id": "b", "reason": "missing_field", "detail": "verb"},
        {"index": 2, "reason": "missing_field", "detail": "verb"},
    ]);
    assert_eq!(answer.json()["error"]["statements"], refused);
    let published = served.published.lock().expect("lock");
    assert_eq!(published[0].1, [r#"{"id": "broken"#]);
    assert_eq!(published[1].1.len(), 3);
}

#[tokio::test]
async fn overload_says_when_to_come_again() {
    let served = quick().await;
    let answer = post(&served, &[JSON], r#"{"verb":"overload"}"#).await;
    assert_eq!(answer.code(), (503, "overloaded".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    let partly = r#"[{"verb":"x"},{"verb":"retry"}]"#;
    let answer = post(&served, &[JSON], partly).await;
    assert_eq!(answer.code(), (503, "unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    let position = answer.header("homeroom-position");
    let token: homeroom_proto::v1::PositionToken = position.parse().expect("a token");
    assert_eq!(token.shards[0].index, 2, "what was taken can be read");
    let in_doubt = r#"[{"verb":"x"},{"verb":"retry"},{"verb":"unknown"}]"#;
    let answer = post(&served, &[JSON], in_doubt).await;
    assert_eq!(answer.code(), (503, "outcome_unknown".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn bodies_are_bounded_also_when_decompressed() {
    let served = quick().await;
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < BODY_BYTES_MAX / 10);
    let answer = post(&served, &[JSON, GZIP], bomb).await;
    assert_eq!(answer.code(), (413, "too_large".to_owned()));
    let answer = post(&served, &[JSON], large).await;
    assert_eq!(answer.code(), (413, "too_large".to_owned()));
    let many = format!("[{}1]", "1,".repeat(10_000));
    let answer = post(&served, &[JSON], many).await;
    assert_eq!(answer.code(), (413, "too_many_events".to_owned()));
    assert!(served.published.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn what_can_not_be_understood_is_refused_before_it_is_read() {
    let served = quick().await;
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let unsupported: [(Headers<'_>, u16, &str); 8] = [
        (&[], 415, "unsupported_type"),
        (&[("content-type", "text/plain")], 415, "unsupported_type"),
        (
            &[("content-type", "application/json; charset=latin1")],
            415,
            "unsupported_type",
        ),
        (
            &[JSON, ("content-encoding", "br")],
            415,
            "unsupported_encoding",
        ),
        (
            &[JSON, ("x-experience-api-version", "0.95")],
            400,
            "unsupported_version",
        ),
        (
            &[JSON, ("x-experience-api-version", "1.01")],
            400,
            "unsupported_version",
        ),
        (
            &[JSON, ("authorization", "Basic ???")],
            400,
            "bad_credential",
        ),
        (&[JSON, GZIP], 400, "body_unreadable"),
    ];
    for (headers, status, code) in unsupported {
        let answer = post(&served, headers, "{}").await;
        assert_eq!(answer.code(), (status, code.to_owned()), "{headers:?}");
        assert_eq!(answer.header("x-experience-api-version"), "1.0.3");
    }
    assert!(served.published.lock().expect("lock").is_empty());
}

const ID: &str = "5f7b1f9e-0000-4000-8000-000000000001";
const OTHER_ID: &str = "5f7b1f9e-0000-4000-8000-000000000002";

async fn put(served: &Served, query: &str, body: &'static str) -> Answer {
    let path = format!("/xAPI/statements{query}");
    request(served, Request::put(path), &[JSON], body).await
}

#[tokio::test]
async fn a_statement_is_put_under_the_id_beside_it() {
    let served = quick().await;
    let path = format!("?statementId={ID}");
    for body in [
        r#"{"verb":"x"}"#,
        r#"{"verb":"x","id":"5F7B1F9E-0000-4000-8000-000000000001"}"#,
    ] {
        let answer = put(&served, &path, body).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert!(answer.is_empty());
        assert_eq!(answer.header("x-experience-api-version"), "1.0.3");
        assert!(answer.headers.contains_key("homeroom-position"));
    }
    let published = served.published.lock().expect("lock");
    let first: Value = serde_json::from_slice(&published[0].1[0]).expect("JSON");
    assert_eq!(first, json!({"id": ID, "verb": "x"}));
}

#[tokio::test]
async fn a_put_that_names_no_statement_or_another_is_refused() {
    let served = quick().await;
    let bad = (400, "bad_statement_id".to_owned());
    let other = format!("?statementId={OTHER_ID}");
    let simple = format!("?statementId={}", ID.replace('-', ""));
    let twice = format!("?statementId={ID}&statementId={ID}");
    let body = r#"{"verb":"x","id":"5f7b1f9e-0000-4000-8000-000000000001"}"#;
    for query in ["", "?statementId=", "?statementId=7", &simple, &other] {
        assert_eq!(put(&served, query, body).await.code(), bad, "{query}");
    }
    let answer = put(&served, &twice, body).await;
    assert_eq!(answer.code(), (400, "bad_query".to_owned()));
    assert!(served.published.lock().expect("lock").is_empty());
    let array = put(&served, &other, r#"[{"verb":"x"}]"#).await;
    assert_eq!(array.code(), (400, "statements_refused".to_owned()));
}

#[tokio::test]
async fn a_statement_known_with_other_content_is_a_conflict() {
    let served = quick().await;
    let body = r#"[{"id":"a","verb":"x"},{"id":"b","verb":"other"},{"id":"c","verb":"again"}]"#;
    let answer = post(&served, &[JSON], body).await;
    assert_eq!(answer.code(), (409, "conflict".to_owned()));
    let statements = &answer.json()["error"]["statements"];
    assert_eq!(
        (&statements[0]["index"], &statements[0]["id"]),
        (&json!(1), &json!("b"))
    );
    assert_eq!(statements.as_array().map(Vec::len), Some(1));
    let answer = put(
        &served,
        &format!("?statementId={ID}"),
        r#"{"verb":"other"}"#,
    )
    .await;
    assert_eq!(answer.code(), (409, "conflict".to_owned()));
}

#[tokio::test]
async fn about_tells_the_versions_whatever_is_asked_for() {
    let served = quick().await;
    let offered = async |version: Option<&'static str>| {
        let headers: Vec<_> = version
            .map(|version| ("x-experience-api-version", version))
            .into_iter()
            .collect();
        let answer = request(&served, Request::get("/xAPI/about"), &headers, "").await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.json()["version"].clone()
    };
    let all = json!(["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"]);
    for version in [None, Some("7.0"), Some("2.0.0")] {
        assert_eq!(offered(version).await, all, "{version:?}");
    }
    let early = json!(["1.0.0", "1.0.1", "1.0.2", "1.0.3"]);
    assert_eq!(offered(Some("1.0.3")).await, early);
}

#[tokio::test]
async fn each_answer_names_the_version_also_when_there_is_nothing() {
    let served = quick().await;
    let two = [("x-experience-api-version", "2.0")];
    let reading = request(&served, Request::get("/xAPI/statements"), &two, "").await;
    assert_eq!(reading.code(), (405, "method_not_allowed".to_owned()));
    assert_eq!(reading.header("x-experience-api-version"), "2.0.0");
    assert_eq!(reading.header("allow"), "POST,PUT");
    let nowhere = request(&served, Request::get("/xAPI/activities"), &two, "").await;
    assert_eq!(nowhere.code(), (404, "not_found".to_owned()));
    assert_eq!(nowhere.header("x-experience-api-version"), "2.0.0");
}

#[tokio::test]
async fn what_is_not_spoken_here_is_said_plainly() {
    let served = quick().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let path = "/xAPI/statements?method=PUT";
    let answer = post_to(&served, path, &form, "content=%7B%7D").await;
    assert_eq!(answer.code(), (400, "alternate_syntax".to_owned()));
    let parts = [("content-type", "multipart/mixed; boundary=x")];
    let answer = post(&served, &parts, "--x--").await;
    assert_eq!(answer.code(), (415, "attachments_unsupported".to_owned()));
    let empty = post(&served, &[JSON], " \n").await;
    assert_eq!(empty.code(), (400, "empty_body".to_owned()));
    assert!(served.published.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn a_user_name_that_is_too_long_is_told_so() {
    let served = quick().await;
    let mut answers = Vec::new();
    for bytes in [128, 129] {
        let named = Authorization::basic(&"n".repeat(bytes), "secret");
        let header = named.0.encode();
        let header = header.to_str().expect("text");
        let headers = [JSON, ("authorization", header)];
        answers.push(post(&served, &headers, r#"{"verb":"x"}"#).await);
    }
    assert_eq!(answers[0].status, StatusCode::OK);
    assert_eq!(answers[1].code(), (400, "bad_credential".to_owned()));
    let message = answers[1].json()["error"]["message"].to_string();
    assert!(
        message.contains("too long: at most 128 bytes, not 129"),
        "{message}"
    );
}

#[tokio::test]
async fn other_credentials_than_basic_name_nobody() {
    let served = quick().await;
    for scheme in ["Bearer abc", "Basic OnNlY3JldA==", "Digest x=\"y\""] {
        let answer = post(
            &served,
            &[JSON, ("authorization", scheme)],
            r#"{"verb":"x"}"#,
        )
        .await;
        assert_eq!(answer.status, StatusCode::OK, "{scheme}");
    }
    let published = served.published.lock().expect("lock");
    assert!(published.iter().all(|(source, _)| source == "xapi"));
}
