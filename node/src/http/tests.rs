//! The HTTP side, over real connections, with an intake of its own.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use homeroom_core::Reason;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::observe::{Metrics, Readiness};

use super::*;

type Published = Arc<Mutex<Vec<(String, Vec<Bytes>)>>>;

/// Accepts what is a JSON object with a verb; everything else goes as its verb says.
#[derive(Clone, Default)]
struct FakeIntake {
    published: Published,
    wait: Duration,
}

impl Intake for FakeIntake {
    async fn publish_statements(
        &self,
        statements: Vec<Bytes>,
        source: &str,
    ) -> Result<Vec<IntakeOutcome>, IntakeError> {
        tokio::time::sleep(self.wait).await;
        let outcomes = statements.iter().map(|bytes| fate(bytes)).collect();
        let mut published = self.published.lock().expect("lock");
        published.push((source.to_owned(), statements));
        outcomes
    }
}

fn fate(statement: &[u8]) -> Result<IntakeOutcome, IntakeError> {
    let retry_after = Duration::from_millis(1_200);
    let Ok(statement) = serde_json::from_slice::<Value>(statement) else {
        return Ok(IntakeOutcome::refused(Reason::Malformed, "no JSON"));
    };
    match statement["verb"].as_str() {
        None => Ok(IntakeOutcome::refused(Reason::MissingField, "verb")),
        Some("late") => Ok(IntakeOutcome::refused(Reason::Late, "settled")),
        Some("retry") => Ok(IntakeOutcome::plain(IntakeStatus::Retry)),
        Some("overload") => Err(IntakeError::Overloaded { retry_after }),
        Some(_) => Ok(IntakeOutcome::plain(IntakeStatus::Accepted)),
    }
}

/// A node's HTTP side on a port of its own; ends with the test.
struct Served {
    address: SocketAddr,
    published: Published,
    readiness: watch::Sender<Readiness>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinSet<()>,
}

const BODY_BYTES_MAX: usize = 4 << 20;

async fn served(wait: Duration, drain: Duration) -> Served {
    let intake = FakeIntake {
        wait,
        ..FakeIntake::default()
    };
    let published = Arc::clone(&intake.published);
    let (readiness, ready) = watch::channel(Readiness::not_ready("recovering shard 3 of 16"));
    let router = router(HttpState {
        intake,
        metrics: Arc::new(Metrics::new()),
        readiness: ready,
        bodies: BodyLimits::new(BODY_BYTES_MAX, 8 << 20, Duration::from_millis(500)),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let options = ServerOptions {
        connections_max: 4,
        drain,
    };
    let mut server = JoinSet::new();
    server.spawn(serve(listener, router, options, async {
        let _ = stopped.await;
    }));
    Served {
        address,
        published,
        readiness,
        stop: Some(stop),
        server,
    }
}

async fn quick() -> Served {
    served(Duration::ZERO, Duration::from_secs(5)).await
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn code(&self) -> (u16, String) {
        let json = self.json();
        let code = json["error"]["code"].as_str().expect("a code");
        assert!(
            !json["error"]["message"]
                .as_str()
                .expect("a message")
                .is_empty()
        );
        (self.status.as_u16(), code.to_owned())
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }
}

async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
    let stream = TcpStream::connect(address).await.expect("connected");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    })
}

async fn get(served: &Served, path: &str) -> Answer {
    let request = Request::get(path).body(Full::default()).expect("a request");
    send(served.address, request).await.expect("an answer")
}

async fn post(served: &Served, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut request = Request::post("/xAPI/statements").header("host", "node");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).expect("a request");
    send(served.address, request).await.expect("an answer")
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=UTF-8");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

#[tokio::test]
async fn health_says_what_readiness_says() {
    let served = quick().await;
    let answers = async |readiness: Readiness| {
        served.readiness.send_replace(readiness);
        let (live, ready) = (
            get(&served, "/healthz").await,
            get(&served, "/readyz").await,
        );
        let text = String::from_utf8(ready.body.to_vec()).expect("text");
        (live.status.as_u16(), ready.status.as_u16(), text)
    };
    let starting = answers(Readiness::not_ready("recovering")).await;
    assert_eq!(starting, (200, 503, "recovering\n".to_owned()));
    let ready = answers(Readiness::Ready).await;
    assert_eq!(ready, (200, 200, "ready\n".to_owned()));
    let failed = answers(Readiness::failed("the disk failed")).await;
    assert_eq!(failed, (503, 503, "the disk failed\n".to_owned()));
}

#[tokio::test]
async fn metrics_are_in_prometheus_form() {
    let served = quick().await;
    post(&served, &[JSON], "[]").await;
    let answer = get(&served, "/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = String::from_utf8(answer.body.to_vec()).expect("text");
    assert!(text.contains("homeroom_publish_requests_total{transport=\"http\"} 1"));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_the_same_form() {
    let served = quick().await;
    let nowhere = get(&served, "/nowhere").await;
    assert_eq!(nowhere.code(), (404, "not_found".to_owned()));
    let method = get(&served, "/xAPI/statements").await;
    assert_eq!(method.code(), (405, "method_not_allowed".to_owned()));
}

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
        {"index": 1, "reason": "missing_field", "detail": "verb"},
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
    assert_eq!(answer.header("retry-after"), "2");
    let partly = r#"[{"verb":"x"},{"verb":"retry"}]"#;
    let answer = post(&served, &[JSON], partly).await;
    assert_eq!(answer.code(), (503, "unavailable".to_owned()));
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
    assert_eq!(answer.code(), (413, "too_many_statements".to_owned()));
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

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let served = quick().await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let head = "POST /xAPI/statements HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn bodies_are_bounded_all_together() {
    let served = served(Duration::from_secs(3), Duration::ZERO).await;
    let large = format!("\"{}\"", " ".repeat(BODY_BYTES_MAX - 2));
    let mut held = JoinSet::new();
    for _ in 0..2 {
        let request = Request::post("/xAPI/statements").header(JSON.0, JSON.1);
        let body = Full::new(Bytes::from(large.clone()));
        held.spawn(send(served.address, request.body(body).expect("a request")));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let answer = post(&served, &[JSON], "{}").await;
    assert_eq!(answer.code(), (503, "overloaded".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_and_takes_no_new_ones() {
    let mut served = served(Duration::from_millis(600), Duration::from_secs(5)).await;
    let address = served.address;
    let _idle = TcpStream::connect(address).await.expect("connected");
    let stop = served.stop.take().expect("once");
    let mut stopping = JoinSet::new();
    stopping.spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let _ = stop.send(());
    });
    let answer = post(&served, &[JSON], r#"{"id":"last","verb":"x"}"#).await;
    assert_eq!(answer.json(), json!(["last"]));
    let ended = tokio::time::timeout(Duration::from_secs(2), served.server.join_next()).await;
    assert!(ended.is_ok_and(|ended| ended.is_some_and(|result| result.is_ok())));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_beyond_its_time() {
    let mut served = served(Duration::from_secs(60), Duration::from_millis(300)).await;
    let stop = served.stop.take().expect("once");
    let request = Request::post("/xAPI/statements").header(JSON.0, JSON.1);
    let request = request
        .body(Full::new(Bytes::from("{}")))
        .expect("a request");
    let mut pending = JoinSet::new();
    pending.spawn(send(served.address, request));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _ = stop.send(());
    let ended = tokio::time::timeout(Duration::from_secs(2), served.server.join_next()).await;
    assert!(ended.is_ok_and(|ended| ended.is_some_and(|result| result.is_ok())));
    assert!(
        pending
            .join_next()
            .await
            .is_some_and(|answer| answer.is_ok_and(|a| a.is_err()))
    );
}

#[tokio::test]
async fn connections_are_bounded() {
    let served = quick().await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(TcpStream::connect(served.address).await.expect("connected"));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = tokio::time::timeout(Duration::from_millis(300), get(&served, "/healthz")).await;
    assert!(waiting.is_err());
    held.clear();
    assert_eq!(get(&served, "/healthz").await.status, StatusCode::OK);
}
