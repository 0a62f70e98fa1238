//! The listeners of a node, and the order in which they close.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Router, TcpIncoming};
use tonic_health::server::HealthReporter;

use super::statements::Statements;
use crate::{
    config::Config,
    http::{self, BodyLimits, HttpState, Reads, ServerOptions},
    observe::{Metrics, Readiness},
    query::{CourseDoor, LearnerDoor},
};

/// The gRPC services' own answers, over HTTP.
pub type ServiceReads = Reads<LearnerDoor, CourseDoor>;

/// Owns the servers' tasks; they end with it.
#[derive(Default)]
pub struct Doors {
    grpc: JoinSet<()>,
    http: JoinSet<()>,
    stop_grpc: CancellationToken,
    stop_http: CancellationToken,
}

impl Doors {
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
        intake: Statements,
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
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
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
        for (name, stop, tasks) in [
            ("gRPC", &self.stop_grpc, &mut self.grpc),
            ("HTTP", &self.stop_http, &mut self.http),
        ] {
            stop.cancel();
            let ended = async { while tasks.join_next().await.is_some() {} };
            if timeout(within, ended).await.is_err() {
                tracing::warn!(
                    "{name}: requests were still under way when the time to drain was over"
                );
                tasks.shutdown().await;
            }
        }
    }
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
