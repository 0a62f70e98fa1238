//! Tests of what pages of other origins get.

use super::*;

#[tokio::test]
async fn a_name_that_points_here_is_refused() {
    let served = quick().await;
    let evil = ("host", "evil.example");
    let answer = request(&served, Request::get("/metrics"), &[evil], "").await;
    assert_eq!(answer.code(), (421, "unknown_host".to_owned()));
    let posted = post(&served, &[JSON, evil], r#"{"id":"x","verb":"x"}"#).await;
    assert_eq!(posted.code(), (421, "unknown_host".to_owned()));
    assert!(
        served.published.lock().expect("lock").is_empty(),
        "nothing was taken"
    );
    let health = request(&served, Request::get("/healthz"), &[evil], "").await;
    assert_eq!(health.status, StatusCode::OK);
}

#[tokio::test]
async fn a_simple_post_of_a_foreign_page_is_refused() {
    let served = quick().await;
    let foreign = [
        ("origin", "http://evil.example"),
        ("content-type", "text/plain"),
    ];
    let answer = post_to(&served, "/v1/events", &foreign, "{}").await;
    assert_eq!(answer.code(), (403, "foreign_origin".to_owned()));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    assert!(
        served.published.lock().expect("lock").is_empty(),
        "nothing was taken"
    );
}

#[tokio::test]
async fn a_page_that_may_asks_first_and_reads_the_position() {
    let served = quick().await;
    let asks = [
        ("origin", PAGE),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "content-type,homeroom-position",
        ),
    ];
    let preflight = request(&served, request_of("OPTIONS", "/v1/events"), &asks, "").await;
    assert_eq!(preflight.status, StatusCode::OK);
    assert_eq!(preflight.header("access-control-allow-origin"), PAGE);
    let headers = preflight.header("access-control-allow-headers");
    assert!(headers.contains("homeroom-position"), "{headers}");
    let posted = post(
        &served,
        &[JSON, ("origin", PAGE)],
        r#"{"id":"x","verb":"x"}"#,
    )
    .await;
    assert_eq!(posted.status, StatusCode::OK);
    assert_eq!(posted.header("access-control-allow-origin"), PAGE);
    let exposed = posted.header("access-control-expose-headers");
    assert!(exposed.contains("homeroom-position"), "{exposed}");
    let refused = request(
        &served,
        request_of("OPTIONS", "/v1/events"),
        &[("origin", "http://evil.example"), asks[1]],
        "",
    )
    .await;
    assert_eq!(refused.code(), (403, "foreign_origin".to_owned()));
}

fn request_of(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}
