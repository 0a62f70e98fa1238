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

/// Time for aborted connections to end. They wait for nothing, so this is ample.
const ABORTED_WITHIN: Duration = Duration::from_secs(1);

/// Reads of the gRPC services over HTTP.
pub type ServiceReads = Reads<LearnerHandler, CourseHandler>;

/// Owns the tasks of the servers; dropping it ends them.
#[derive(Default)]
pub struct Listeners {
    grpc: JoinSet<()>,
    http: JoinSet<()>,
    stop_grpc: CancellationToken,
    /// Aborts the gRPC connections. Their tasks are spawned by tonic, and outlive the server's own
    /// task.
    abort_grpc: CancellationToken,
    stop_http: CancellationToken,
}

impl Listeners {
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

    /// Opens gRPC, which serves only while the node is ready.
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
            self.abort_grpc.cancel();
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
