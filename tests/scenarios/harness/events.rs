//! Builds events as a program would, and reads the answers about them.

use homeroom_client::{Batch, Client, parse_endpoints, v1};
use prost_types::Timestamp;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt;

use super::home::Home;

/// A full hour of event time, far in the past, in Unix ms.
pub const HOUR_MS: i64 = 1_741_161_600_000;
/// A minute of event time, ms.
pub const MINUTE_MS: i64 = 60_000;

/// A client of a home's node.
pub fn client(home: &Home) -> Client {
    let endpoints = parse_endpoints(&home.endpoint()).expect("a URL");
    Client::connect(endpoints).expect("a client")
}

/// A plain connection, for generated clients.
pub async fn connect(home: &Home) -> Channel {
    let endpoint = Endpoint::from_shared(home.endpoint()).expect("a URL");
    endpoint.connect().await.expect("a connection")
}

/// An event of `lms` in the learner's only session.
pub fn event(user_id: &str, event_id: &str, at_ms: i64, event_type: &str) -> v1::Event {
    let nanos = i32::try_from(at_ms.rem_euclid(1_000) * 1_000_000);
    v1::Event {
        event_id: event_id.to_owned(),
        user_id: user_id.to_owned(),
        session_id: format!("session-of-{user_id}"),
        timestamp: Some(Timestamp {
            seconds: at_ms.div_euclid(1_000),
            nanos: nanos.expect("less than a second"),
        }),
        event_type: event_type.to_owned(),
        source: "lms".to_owned(),
        ..v1::Event::default()
    }
}

/// A click.
pub fn click(user_id: &str, event_id: &str, at_ms: i64) -> v1::Event {
    event(user_id, event_id, at_ms, "click")
}

/// A quiz result of half the points.
pub fn quiz(user_id: &str, event_id: &str, at_ms: i64) -> v1::Event {
    v1::Event {
        score: Some(5.0),
        max_score: Some(10.0),
        ..event(user_id, event_id, at_ms, "quiz_submitted")
    }
}

/// Publishes events and returns their outcomes.
pub async fn publish(client: &Client, events: Vec<v1::Event>) -> Vec<v1::EventOutcome> {
    client
        .publish(&Batch::of_events(&events))
        .await
        .expect("outcomes")
}

/// Publishes events that must be accepted.
pub async fn accepted(client: &Client, events: Vec<v1::Event>) {
    for outcome in publish(client, events).await {
        assert_eq!(outcome.status(), v1::EventStatus::Accepted, "{outcome:?}");
    }
}

/// A learner's profile, at least as new as what the client published.
pub async fn profile(client: &Client, user_id: &str) -> Option<v1::LearnerProfile> {
    let request = v1::GetLearnerRequest {
        user_id: user_id.to_owned(),
        ..v1::GetLearnerRequest::default()
    };
    client
        .get_learner(request)
        .await
        .expect("an answer")
        .profile
}

/// A learner's minute windows.
pub async fn minutes(client: &Client, user_id: &str) -> Vec<v1::Window> {
    let request = v1::ListWindowsRequest {
        user_id: user_id.to_owned(),
        ..v1::ListWindowsRequest::default()
    };
    let mut pages = client.window_pages(request);
    let mut windows = Vec::new();
    while let Some(page) = pages.next().await.expect("a page") {
        windows.extend(page.windows);
    }
    windows
}

/// Checks an error against the contract: the status code, and details that name `field`.
pub fn assert_invalid<T: std::fmt::Debug>(answer: Result<T, tonic::Status>, field: &str) {
    let status = answer.expect_err("a request that must be refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let violations = details
        .bad_request()
        .map(|bad| bad.field_violations.as_slice())
        .unwrap_or_default();
    assert!(
        violations.iter().any(|violation| violation.field == field),
        "{field}: {status:?}"
    );
    assert!(details.error_info().is_some(), "{status:?}");
}
