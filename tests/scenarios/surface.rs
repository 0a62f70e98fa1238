//! The services that any client finds: health and reflection.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::Home;
use crate::harness::events::connect;

/// Time limit for requests in progress when the node stops.
const DRAIN: Duration = Duration::from_secs(10);
const SERVICES: [&str; 5] = [
    "homeroom.v1.ClusterService",
    "homeroom.v1.CourseService",
    "homeroom.v1.DeadLetterService",
    "homeroom.v1.IngestService",
    "homeroom.v1.LearnerService",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_reported_per_service_and_ends_with_the_node() {
    let home = Home::new(&["--shards", "1"]);
    let node = home.start();
    let mut health = HealthClient::new(connect(&home).await);
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health
            .check(request)
            .await
            .unwrap_or_else(|error| panic!("{service}: {error}"));
        assert_eq!(
            answer.into_inner().status(),
            ServingStatus::Serving,
            "{service}"
        );
    }
    let unknown = HealthCheckRequest {
        service: "homeroom.v1.Nothing".to_owned(),
    };
    assert_eq!(
        health
            .check(unknown)
            .await
            .expect_err("no such service")
            .code(),
        Code::NotFound
    );
    let mut watch = health
        .watch(HealthCheckRequest::default())
        .await
        .expect("a watch")
        .into_inner();
    let now = watch
        .message()
        .await
        .expect("an answer")
        .expect("the present state");
    assert_eq!(now.status(), ServingStatus::Serving);
    let begun = Instant::now();
    node.terminate();
    let then = watch.message().await.expect("an answer");
    let then = then.expect("a change before the end").status();
    assert_eq!(then, ServingStatus::NotServing);
    assert_eq!(watch.message().await.expect("no error"), None);
    assert!(node.wait().success());
    assert!(begun.elapsed() < DRAIN, "a watch delays no stop");
}

async fn reflect(home: &Home, request: MessageRequest) -> MessageResponse {
    let mut reflection = ServerReflectionClient::new(connect(home).await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    let answers = reflection
        .server_reflection_info(tokio_stream::iter([request]))
        .await;
    let answer = answers
        .expect("an answer")
        .into_inner()
        .message()
        .await
        .expect("no error");
    answer
        .and_then(|answer| answer.message_response)
        .expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_lists_every_service() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let MessageResponse::ListServicesResponse(listed) =
        reflect(&home, MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list of services");
    };
    let listed: BTreeSet<String> = listed
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for service in SERVICES.into_iter().chain(["grpc.health.v1.Health"]) {
        assert!(
            listed.contains(service),
            "{service} is not among {listed:?}"
        );
        let symbol = MessageRequest::FileContainingSymbol(service.to_owned());
        let described = reflect(&home, symbol).await;
        assert!(
            matches!(described, MessageResponse::FileDescriptorResponse(_)),
            "{service}: {described:?}"
        );
    }
}
