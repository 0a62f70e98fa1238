//! The listeners of a node, and the order in which they close.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    http::header::ORIGIN,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Status, service::Routes, transport::Server};
use tonic_health::server::HealthReporter;

use crate::{
    config::Config,
    connections::{self, Acceptor, CallLimits, ConnectionLimits, ConnectionTable, HandlePlan},
    http::{self, BodyLimits, Gate, HttpState, Reads, WebRules},
    ingress::Intake,
    observe::{Metrics, Readiness},
    query::{CourseHandler, LearnerHandler},
    status,
};

/// Time for aborted connections to end. They wait for nothing, so this is ample.
const ABORTED_WITHIN: Duration = Duration::from_secs(1);

/// Idle time after which a connection is pinged.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A connection that does not answer a ping is closed, with all its calls: a stalled publisher
/// would otherwise keep its share of the stream window.
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// Methods whose requests are streams. They may take as long as they like.
const STREAMS: [&str; 2] = [
    "/homeroom.v1.IngestService/PublishStream",
    "/grpc.reflection.",
];

/// Reads of the gRPC services over HTTP.
pub type ServiceReads = Reads<LearnerHandler, CourseHandler>;

/// Owns the tasks of the servers; dropping it ends them.
pub struct Listeners {
    grpc: JoinSet<()>,
    http: JoinSet<()>,
    stop_grpc: CancellationToken,
    /// The tasks of its connections are spawned by tonic, and outlive the server's own task.
    grpc_connections: ConnectionTable,
    stop_http: CancellationToken,
    http_connections: ConnectionTable,
}

impl Listeners {
    /// Listeners that are not open yet, with as many connections as the plan has handles for.
    pub fn new(config: &Config, plan: HandlePlan, metrics: &Metrics) -> Self {
        let listen = &config.listen;
        let limits = |connections_max, calls_max| ConnectionLimits {
            connections_max,
            calls_max,
            first_call_within: listen.first_call_within,
            stalled_after: listen.stalled_after,
        };
        let grpc = limits(plan.grpc, listen.grpc_calls_max as usize);
        // A connection of HTTP/1 has one call at a time.
        let http = limits(plan.http, usize::MAX);
        Self {
            grpc: JoinSet::new(),
            http: JoinSet::new(),
            stop_grpc: CancellationToken::new(),
            grpc_connections: ConnectionTable::new(grpc, metrics.listener.grpc.clone()),
            stop_http: CancellationToken::new(),
            http_connections: ConnectionTable::new(http, metrics.listener.http.clone()),
        }
    }

    /// Ends streams and the gRPC server.
    pub fn stop_grpc(&self) -> &CancellationToken {
        &self.stop_grpc
    }

    /// Opens HTTP. It is open from the first moment to the last, so that readiness and metrics can
    /// be read while the node starts and stops.
    pub fn open_http(
        &mut self,
        config: &Config,
        listener: TcpListener,
        metrics: &Arc<Metrics>,
        readiness: watch::Receiver<Readiness>,
        intake: Gate<Intake>,
        reads: ServiceReads,
    ) {
        let state = HttpState {
            intake,
            metrics: Arc::clone(metrics),
            readiness,
            bodies: body_limits(config),
        };
        let web = &config.web;
        let rules = WebRules::new(web.hosts.0.clone(), web.origins.0.clone());
        let table = self.http_connections.clone();
        let calls = CallLimits {
            table: table.clone(),
            refusal: || http::HttpError::Overloaded.into_response(),
            body_within: config.ingest.body_within,
            // HTTP handlers bound the time of a request themselves, and answer in JSON.
            is_bounded: |_path| false,
            open: None,
        };
        let routes = http::guarded(http::router(state, reads), rules);
        let paths = connections::bounded(routes, calls);
        let stop = self.stop_http.clone().cancelled_owned();
        let drain = config.shutdown.drain;
        self.http.spawn(async move {
            let acceptor = Acceptor::new(listener, table.clone(), "HTTP");
            tokio::select! {
                () = http::serve(acceptor, paths, drain, stop) => {}
                () = table.sweep_forever() => {}
            }
        });
    }

    /// Opens gRPC, which serves only while the node is ready.
    pub fn open_grpc(
        &mut self,
        config: &Config,
        listener: TcpListener,
        routes: Routes,
        metrics: &Metrics,
    ) -> HealthReporter {
        let (health, service) = tonic_health::server::health_reporter();
        let stop = self.stop_grpc.clone().cancelled_owned();
        let table = self.grpc_connections.clone();
        let calls = CallLimits {
            table: table.clone(),
            refusal: || status::overloaded("too many open calls").into_http(),
            body_within: config.ingest.body_within,
            is_bounded: |path| !STREAMS.iter().any(|stream| path.starts_with(stream)),
            open: Some(metrics.ingest.grpc_in_flight.clone()),
        };
        let routes = routes.add_service(service).into_axum_router();
        let routes = connections::bounded(routes.layer(from_fn(refuse_pages)), calls);
        let serving = server(config)
            .add_routes(Routes::from(routes))
            .serve_with_incoming_shutdown(
                Acceptor::new(listener, table.clone(), "gRPC").into_stream(),
                stop,
            );
        self.grpc.spawn(async move {
            tokio::select! {
                served = serving => if let Err(error) = served {
                    tracing::error!(%error, "gRPC ended");
                },
                () = table.sweep_forever() => {}
            }
        });
        health
    }

    /// Waits until a listener ends by itself, and returns its name.
    pub async fn ended(&mut self) -> &'static str {
        tokio::select! {
            Some(_) = self.grpc.join_next() => "gRPC",
            Some(_) = self.http.join_next() => "HTTP",
        }
    }

    /// Closes gRPC, then HTTP. Requests that are not done after `within` are aborted.
    pub async fn close(mut self, within: Duration) {
        self.stop_grpc.cancel();
        if !has_ended("gRPC", &mut self.grpc, within).await {
            self.grpc_connections.abort();
            // The server ends after its connections.
            if !has_ended("gRPC", &mut self.grpc, ABORTED_WITHIN).await {
                self.grpc.shutdown().await;
            }
        }
        self.stop_http.cancel();
        if !has_ended("HTTP", &mut self.http, within).await {
            self.http.shutdown().await;
        }
    }
}

fn server(config: &Config) -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PONG_WITHIN))
        .max_concurrent_streams(config.listen.grpc_connection_calls_max)
}

/// Browsers can't speak gRPC without a proxy; one that lets them in would let all pages in.
async fn refuse_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(ORIGIN) {
        let why = "gRPC is not for web pages: they read and post over HTTP";
        return Status::permission_denied(why).into_http();
    }
    next.run(request).await
}

async fn has_ended(name: &str, tasks: &mut JoinSet<()>, within: Duration) -> bool {
    let ended = timeout(within, async { while tasks.join_next().await.is_some() {} });
    let has_ended = ended.await.is_ok();
    if !has_ended {
        tracing::warn!("{name}: requests were still under way after {within:?}");
    }
    has_ended
}

fn body_limits(config: &Config) -> BodyLimits {
    let bytes_max = usize::try_from(config.ingest.request_bytes_max.as_u64());
    let all_bytes_max = config.ingest.queue_bytes_max.as_u64();
    BodyLimits::new(
        bytes_max.unwrap_or(usize::MAX),
        all_bytes_max,
        config.ingest.body_within,
    )
}
