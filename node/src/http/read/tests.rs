//! Tests of reads over HTTP, with fake services.

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::{FutureExt, Stream, StreamExt, stream};
use homeroom_proto::v1::{self, course_service_server, learner_service_server};
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;
use tonic::{Code, Request as GrpcRequest, Response as GrpcResponse, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{ReadServices, Reads, routes};
use crate::http::Gate;
use crate::observe::Readiness;

type Answers<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// Finds every learner but `absent`, and fails for ids that name an error.
#[derive(Default)]
struct FakeLearners {
    asked: Mutex<Vec<v1::GetLearnerRequest>>,
    windows_asked: Mutex<Vec<v1::ListWindowsRequest>>,
}

/// Implements only `get_course`.
struct NoCourses;

fn freshness() -> v1::Freshness {
    v1::Freshness {
        shard: 3,
        applied_index: 42,
        ..v1::Freshness::default()
    }
}

fn profile(user_id: &str) -> v1::LearnerProfile {
    v1::LearnerProfile {
        user_id: user_id.to_owned(),
        events: 7,
        ..v1::LearnerProfile::default()
    }
}

#[tonic::async_trait]
impl learner_service_server::LearnerService for FakeLearners {
    type ScanWindowsStream = Answers<v1::ScanWindowsResponse>;
    type WatchLearnerStream = Answers<v1::WatchLearnerResponse>;

    async fn get_learner(
        &self,
        request: GrpcRequest<v1::GetLearnerRequest>,
    ) -> Result<GrpcResponse<v1::GetLearnerResponse>, Status> {
        let request = request.into_inner();
        let user_id = request.user_id.clone();
        self.asked.lock().push(request);
        match &*user_id {
            "invalid" => Err(Status::invalid_argument("field_mask: no such field")),
            "busy" => {
                let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1_200)));
                Err(Status::with_error_details(
                    Code::ResourceExhausted,
                    "full",
                    details,
                ))
            }
            "stale" => Err(Status::unavailable("stale")),
            "damaged" => Err(Status::data_loss("damaged")),
            _ => {
                let found = user_id != "absent";
                Ok(GrpcResponse::new(v1::GetLearnerResponse {
                    found,
                    profile: found.then(|| profile(&user_id)),
                    freshness: Some(freshness()),
                }))
            }
        }
    }

    async fn batch_get_learners(
        &self,
        _request: GrpcRequest<v1::BatchGetLearnersRequest>,
    ) -> Result<GrpcResponse<v1::BatchGetLearnersResponse>, Status> {
        Err(Status::unimplemented("not over HTTP"))
    }

    async fn list_windows(
        &self,
        request: GrpcRequest<v1::ListWindowsRequest>,
    ) -> Result<GrpcResponse<v1::ListWindowsResponse>, Status> {
        self.windows_asked.lock().push(request.into_inner());
        let window = v1::Window {
            state: v1::WindowState::Closed.into(),
            ..v1::Window::default()
        };
        Ok(GrpcResponse::new(v1::ListWindowsResponse {
            found: true,
            windows: vec![window],
            freshness: Some(freshness()),
            next_page_token: "next".to_owned(),
        }))
    }

    async fn scan_windows(
        &self,
        _request: GrpcRequest<v1::ScanWindowsRequest>,
    ) -> Result<GrpcResponse<Self::ScanWindowsStream>, Status> {
        Err(Status::unimplemented("not over HTTP"))
    }

    /// One answer; then an error for `broken`, the end for `short`, and nothing for all others.
    async fn watch_learner(
        &self,
        request: GrpcRequest<v1::WatchLearnerRequest>,
    ) -> Result<GrpcResponse<Self::WatchLearnerStream>, Status> {
        let user_id = request.into_inner().user_id;
        let answer = Ok(v1::WatchLearnerResponse {
            found: true,
            profile: Some(profile(&user_id)),
            freshness: Some(freshness()),
        });
        let first = stream::iter([answer]);
        Ok(GrpcResponse::new(match &*user_id {
            "broken" => first
                .chain(stream::iter([Err(Status::unavailable(
                    "the shard is stopping",
                ))]))
                .boxed(),
            "short" => first.boxed(),
            _ => first.chain(stream::pending()).boxed(),
        }))
    }
}

#[tonic::async_trait]
impl course_service_server::CourseService for NoCourses {
    type WatchCourseStream = Answers<v1::WatchCourseResponse>;

    async fn list_courses(
        &self,
        _request: GrpcRequest<v1::ListCoursesRequest>,
    ) -> Result<GrpcResponse<v1::ListCoursesResponse>, Status> {
        Err(Status::unimplemented("list_courses"))
    }

    async fn get_course(
        &self,
        request: GrpcRequest<v1::GetCourseRequest>,
    ) -> Result<GrpcResponse<v1::GetCourseResponse>, Status> {
        let request = request.into_inner();
        let found = request.needing_help_only;
        Ok(GrpcResponse::new(v1::GetCourseResponse {
            found,
            course: found.then(|| v1::Course {
                course_id: request.course_id,
                ..v1::Course::default()
            }),
            freshness: vec![freshness(), v1::Freshness::default()],
            ..v1::GetCourseResponse::default()
        }))
    }

    async fn list_course_windows(
        &self,
        _request: GrpcRequest<v1::ListCourseWindowsRequest>,
    ) -> Result<GrpcResponse<v1::ListCourseWindowsResponse>, Status> {
        Err(Status::unimplemented("list_course_windows"))
    }

    async fn watch_course(
        &self,
        _request: GrpcRequest<v1::WatchCourseRequest>,
    ) -> Result<GrpcResponse<Self::WatchCourseStream>, Status> {
        Err(Status::unimplemented("watch_course"))
    }
}

struct Served {
    learners: Arc<FakeLearners>,
    readiness: watch::Sender<Readiness>,
    router: axum::Router,
}

impl Served {
    fn new() -> Self {
        let (readiness, ready) = watch::channel(Readiness::Ready);
        let gate = Gate::closed(ready);
        let reads = Reads::new(gate.clone(), 1);
        let learners = Arc::new(FakeLearners::default());
        gate.open(ReadServices {
            learners: Arc::clone(&learners),
            courses: Arc::new(NoCourses),
            cluster_id: "c".to_owned(),
        });
        Self {
            learners,
            readiness,
            router: routes(reads).into_router(),
        }
    }

    async fn ask(&self, path: &str, position: Option<&str>) -> axum::response::Response {
        let mut request = Request::get(path);
        if let Some(position) = position {
            request = request.header("Homeroom-Position", position);
        }
        let request = request.body(Body::empty()).expect("a request");
        let service = TowerToHyperService::new(self.router.clone());
        service.call(request).await.expect("an answer")
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.ask(path, None).await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body");
        let json = serde_json::from_slice(&body.to_bytes());
        (status, json.unwrap_or_default())
    }
}

/// Status and code.
async fn refused(served: &Served, path: &str) -> (u16, String) {
    let (status, body) = served.get(path).await;
    let code = body["error"]["code"].as_str().unwrap_or_default();
    assert!(body["error"]["message"].is_string(), "{path}: {body}");
    (status, code.to_owned())
}

#[tokio::test]
async fn a_learner_is_shown_with_the_position_that_the_answer_has() {
    let served = Served::new();
    let token = v1::PositionToken {
        cluster_id: "c".to_owned(),
        shards: vec![v1::ShardPosition {
            shard: 3,
            index: 41,
            ..v1::ShardPosition::default()
        }],
    };
    let path =
        "/v1/learners/mailto:a%2Fb%20%C3%A9?consistency=SESSION&onStale=fail&maxStalenessMs=250";
    let answer = served.ask(path, Some(&token.to_string())).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let position = answer.headers()["homeroom-position"]
        .to_str()
        .expect("text");
    let position: v1::PositionToken = position.parse().expect("a position");
    assert_eq!((&*position.cluster_id, position.shards[0].index), ("c", 42));
    let request = served.learners.asked.lock().remove(0);
    assert_eq!(request.user_id, "mailto:a/b é");
    let read = request.read.expect("read options");
    assert_eq!(
        (read.consistency(), read.on_stale(), read.max_staleness_ms),
        (v1::Consistency::Session, v1::OnStale::Fail, 250)
    );
    assert_eq!(read.position, Some(token));

    let (_, whole) = served.get("/v1/learners/ada").await;
    assert_eq!(
        (&whole["found"], &whole["profile"]["events"]),
        (&true.into(), &7.into())
    );
    assert!(whole["profile"]["session"].is_null() && whole["profile"]["skills"].is_array());
    let (_, part) = served
        .get("/v1/learners/ada?fields=events,lastEventMs")
        .await;
    let part = part["profile"].as_object().expect("a profile");
    assert_eq!(part.keys().collect::<Vec<_>>(), ["events", "lastEventMs"]);
    let mask = served.learners.asked.lock()[1].field_mask.clone();
    assert_eq!(mask.expect("a mask").paths, ["events", "last_event_ms"]);
}

#[tokio::test]
async fn windows_are_asked_for_in_full() {
    let served = Served::new();
    let path = "/v1/learners/ada/windows?sizeMs=30000&stepMs=5000&from=1970-01-01T00:00:01Z&to=9000\
                &changedSince=7&courseId=c%201&pageSize=5&pageToken=t";
    let (status, body) = served.get(path).await;
    assert_eq!((status, &body["nextPageToken"]), (200, &"next".into()));
    let window = &body["windows"][0];
    assert_eq!(window["state"], "CLOSED");
    assert!(
        window["averageScore"].is_null(),
        "no score is none, and not 0: {window}"
    );
    let expected = v1::ListWindowsRequest {
        user_id: "ada".to_owned(),
        size_ms: 30_000,
        step_ms: 5_000,
        from_ms: Some(1_000),
        to_ms: Some(9_000),
        changed_since_ms: Some(7),
        course_id: "c 1".to_owned(),
        read: Some(v1::ReadOptions::default()),
        page_size: 5,
        page_token: "t".to_owned(),
    };
    assert_eq!(served.learners.windows_asked.lock().remove(0), expected);
}

#[tokio::test]
async fn what_is_not_there_still_says_how_current_that_is() {
    let served = Served::new();
    let (status, body) = served.get("/v1/learners/absent").await;
    assert_eq!((status, &body["error"]["code"]), (404, &"not_found".into()));
    assert_eq!(body["found"], false);
    assert_eq!(body["freshness"]["appliedIndex"], 42);
    let (status, body) = served.get("/v1/courses/none").await;
    assert_eq!((status, &body["error"]["code"]), (404, &"not_found".into()));
    assert_eq!(body["freshness"].as_array().map(Vec::len), Some(2));
    let (status, body) = served.get("/v1/courses/a%2Fb?needingHelpOnly=true").await;
    assert_eq!((status, &body["course"]["courseId"]), (200, &"a/b".into()));
}

#[tokio::test]
async fn every_refusal_has_a_status_and_a_code() {
    let served = Served::new();
    for (path, status, code) in [
        ("/v1/learners/invalid", 400, "invalid_argument"),
        ("/v1/learners/busy", 503, "overloaded"),
        ("/v1/learners/stale", 503, "unavailable"),
        ("/v1/learners/damaged", 500, "internal"),
        ("/v1/learners/%FF", 400, "invalid_argument"),
        ("/v1/learners/ada?userId=bo", 400, "invalid_argument"),
        (
            "/v1/learners/ada?consistency=strong",
            400,
            "invalid_argument",
        ),
        (
            "/v1/learners/ada?maxStalenessMs=-1",
            400,
            "invalid_argument",
        ),
        (
            "/v1/learners/ada/windows?from=then",
            400,
            "invalid_argument",
        ),
        (
            "/v1/learners/ada/watch?consistency=any",
            400,
            "invalid_argument",
        ),
        ("/v1/courses", 501, "unimplemented"),
        ("/v1/courses/c/windows", 501, "unimplemented"),
        ("/v1/courses/c/watch", 501, "unimplemented"),
        ("/v1/courses/c?needingHelpOnly=yes", 400, "invalid_argument"),
    ] {
        let expected = (status, code.to_owned());
        assert_eq!(refused(&served, path).await, expected, "{path}");
    }
    let busy = served.ask("/v1/learners/busy", None).await;
    assert_eq!(
        busy.headers()["retry-after"],
        "2",
        "whole seconds, and none too few"
    );
    let lost = served.ask("/v1/learners/ada", Some("no position")).await;
    assert_eq!(lost.status(), StatusCode::BAD_REQUEST);
    served
        .readiness
        .send_replace(Readiness::not_ready("the node is stopping"));
    let expected = (503, "unavailable".to_owned());
    assert_eq!(refused(&served, "/v1/learners/ada").await, expected);
}

async fn text(answer: axum::response::Response) -> String {
    let body = answer.into_body().collect().await.expect("a body");
    String::from_utf8(body.to_bytes().to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn a_watch_ends_with_its_error_with_its_service_or_with_the_node() {
    let served = Served::new();
    let broken = served
        .ask("/v1/learners/broken/watch?fields=events", None)
        .await;
    assert_eq!(broken.headers()["content-type"], "text/event-stream");
    let events = text(broken).await;
    let blocks: Vec<&str> = events.trim_end().split("\n\n").collect();
    assert_eq!(blocks.len(), 2, "{events}");
    let data = blocks[0]
        .strip_prefix("event: learner\ndata: ")
        .expect("an event");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["profile"], serde_json::json!({"events": 7}));
    let data = blocks[1]
        .strip_prefix("event: error\ndata: ")
        .expect("an error");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["error"]["code"], "unavailable");

    let short = served.ask("/v1/learners/short/watch", None).await;
    assert_eq!(text(short).await.matches("event: learner").count(), 1);

    let open = served.ask("/v1/learners/ada/watch", None).await;
    let further = refused(&served, "/v1/learners/ada/watch").await;
    assert_eq!(
        further,
        (503, "unavailable".to_owned()),
        "one is all there may be"
    );
    let mut events = Box::pin(text(open));
    assert!((&mut events).now_or_never().is_none(), "it goes on");
    served
        .readiness
        .send_replace(Readiness::not_ready("the node is stopping"));
    assert_eq!(events.await.matches("event: learner").count(), 1);
}

#[tokio::test]
async fn a_watch_gives_its_room_back_when_its_client_goes() {
    let served = Served::new();
    for _ in 0..3 {
        let open = served.ask("/v1/learners/ada/watch", None).await;
        assert_eq!(open.status(), StatusCode::OK);
        drop(open);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_heard_every_fifteen_seconds() {
    let served = Served::new();
    let answer = served.ask("/v1/learners/ada/watch", None).await;
    let mut body = answer.into_body();
    let mut frame = async || {
        let frame = body.frame().await.expect("a frame").expect("bytes");
        String::from_utf8(frame.into_data().expect("data").to_vec()).expect("UTF-8")
    };
    assert!(frame().await.starts_with("event: learner"));
    let before = tokio::time::Instant::now();
    let comment = frame().await;
    assert!(comment.starts_with(':'), "{comment:?}");
    assert_eq!(before.elapsed().as_secs(), 15);
}
