//! Tests of the HTTP API over real connections, with a fake intake.

mod bodies;
mod connections;
mod events;
mod fake;
mod pages;
mod retries;
mod xapi;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::connections::{Acceptor, CallLimits, ConnectionLimits, ConnectionTable, bounded};
use crate::observe::{Metrics, Readiness};

use super::router::routes;
use super::*;
use fake::{FakeIntake, Published};

/// A server on a port of its own. It ends with the test.
struct Served {
    address: SocketAddr,
    published: Published,
    readiness: watch::Sender<Readiness>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinSet<()>,
    metrics: Arc<Metrics>,
}

/// A page that may read and post.
const PAGE: &str = "https://lms.example";
/// Longer than any other wait of these tests.
const FIRST_CALL_WITHIN: Duration = Duration::from_secs(2);
const BODY_BYTES_MAX: usize = 4 << 20;
/// Twice the largest body.
const BODIES_BYTES_MAX: u64 = 8 << 20;

async fn served(wait: Duration, drain: Duration) -> Served {
    served_within(wait, drain, Duration::from_millis(500)).await
}

/// Serves with a bound on a body's time of arrival.
async fn served_within(wait: Duration, drain: Duration, arrival: Duration) -> Served {
    let intake = FakeIntake {
        wait,
        ..FakeIntake::default()
    };
    let published = Arc::clone(&intake.published);
    let (_, always_ready) = watch::channel(Readiness::Ready);
    let gate = Gate::closed(always_ready);
    gate.open(intake);
    let (readiness, ready) = watch::channel(Readiness::not_ready("recovering shard 3 of 16"));
    let metrics = Arc::new(Metrics::new());
    let routes = routes(HttpState {
        intake: gate,
        metrics: Arc::clone(&metrics),
        readiness: ready,
        bodies: BodyLimits::new(BODY_BYTES_MAX, BODIES_BYTES_MAX, arrival),
    })
    .into_router();
    let rules = WebRules::new(vec!["node".to_owned()], vec![PAGE.to_owned()]);
    let limits = ConnectionLimits {
        connections_max: 4,
        first_call_within: FIRST_CALL_WITHIN,
        ..ConnectionLimits::default()
    };
    let table = ConnectionTable::new(limits, metrics.listener.http.clone());
    let calls = CallLimits {
        table: table.clone(),
        refusal: || HttpError::Overloaded.into_response(),
        body_within: arrival,
        is_bounded: |_path| false,
        open: None,
    };
    let routes = bounded(guarded(routes, rules), calls);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let acceptor = Acceptor::new(listener, table.clone(), "HTTP");
    let mut server = JoinSet::new();
    server.spawn(serve(acceptor, routes, drain, async {
        let _ = stopped.await;
    }));
    Served {
        address,
        published,
        readiness,
        stop: Some(stop),
        server,
        metrics,
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

    fn is_empty(&self) -> bool {
        self.body.is_empty()
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
    request(served, Request::get(path), &[], "").await
}

async fn post(served: &Served, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    post_to(served, "/xAPI/statements", headers, body).await
}

async fn post_to(
    served: &Served,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    request(served, Request::post(path), headers, body).await
}

async fn request(
    served: &Served,
    mut request: Builder,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "node");
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
