//! The listeners of a node, and the order in which they close.

use std::{sync::Arc, time::Duration};

use futures::TryStreamExt;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Router, TcpIncoming};
use tonic_health::server::HealthReporter;

use super::abortable::Abortable;
use crate::{
    config::Config,
    http::{self, BodyLimits, Gate, HttpState, Reads, ServerOptions},
    ingress::Intake,
    observe::{Metrics, Readiness},
    query::{CourseHandler, LearnerHandler},
};

/// How long connections that are cut off may take to end: they wait for nothing any more.
const ABORTED_WITHIN: Duration = Duration::from_secs(1);

/// The gRPC services' own answers, over HTTP.
pub type ServiceReads = Reads<LearnerHandler, CourseHandler>;

/// Owns the servers' tasks; they end with it.
#[derive(Default)]
pub struct Listeners {
    grpc: JoinSet<()>,
    http: JoinSet<()>,
    stop_grpc: CancellationToken,
    /// Cuts its connections off: tonic spawns their tasks, and they outlive the server's.
    abort_grpc: CancellationToken,
    stop_http: CancellationToken,
}

impl Listeners {
    /// What ends streams and the gRPC server.
    pub fn stop_grpc(&self) -> &CancellationToken {
        &self.stop_grpc
    }

    /// Open from the first moment to the last: whoever looks after the node sees how it starts and stops.
    pub fn open_http(
        &mut self,
        config: &Config,
        listener: TcpListener,
        metrics: &Arc<Metrics>,
        readiness: watch::Receiver<Readiness>,
        intake: Gate<Intake>,
        reads: ServiceReads,
    ) {
        let paths = http::router(HttpState {
            intake,
            metrics: Arc::clone(metrics),
            readiness,
            bodies: body_limits(config),
        })
        .merge(http::read_routes(reads));
        let options = ServerOptions {
            connections_max: config.listen.http_connections_max as usize,
            drain: config.shutdown.drain,
        };
        let stop = self.stop_http.clone().cancelled_owned();
        self.http.spawn(http::serve(listener, paths, options, stop));
    }

    /// Open while the node is ready.
    pub fn open_grpc(&mut self, listener: TcpListener, routes: Router) -> HealthReporter {
        let (health, service) = tonic_health::server::health_reporter();
        let stop = self.stop_grpc.clone().cancelled_owned();
        let abort = self.abort_grpc.clone();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let incoming = incoming.map_ok(move |connection| Abortable::new(connection, abort.clone()));
        let serving = routes
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, stop);
        self.grpc.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "gRPC ended");
            }
        });
        health
    }

    /// Returns the name of a door that closed without being told to.
    pub async fn ended(&mut self) -> &'static str {
        tokio::select! {
            Some(_) = self.grpc.join_next() => "gRPC",
            Some(_) = self.http.join_next() => "HTTP",
        }
    }

    /// Closes gRPC, then HTTP; what is still under way after `within` is cut off.
    pub async fn close(mut self, within: Duration) {
        self.stop_grpc.cancel();
        if !has_ended("gRPC", &mut self.grpc, within).await {
            self.abort_grpc.cancel();
            // The server has ended once its connections have.
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
