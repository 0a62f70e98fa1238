//! Serves connections: owns their tasks, and drains them at the end.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::connections::{Acceptor, GuardedStream};

struct Server {
    acceptor: Acceptor,
    router: Router,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

/// Time for a client to send a further request's head; idle connections are closed after it, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves until `shutdown` completes and the requests in progress have ended or run out of time,
/// `drain`. All its tasks have ended when it returns or is dropped.
pub async fn serve(
    acceptor: Acceptor,
    router: Router,
    drain: Duration,
    shutdown: impl Future<Output = ()>,
) {
    let mut server = Server {
        acceptor,
        router,
        graceful: GracefulShutdown::new(),
        connections: JoinSet::new(),
    };
    tokio::select! {
        never = server.accept_forever() => match never {},
        () = shutdown => {}
    }
    server.drain(drain).await;
}

impl Server {
    async fn accept_forever(&mut self) -> Infallible {
        loop {
            let stream = self.acceptor.accept().await;
            self.start(stream);
            // Remove the results of ended connections from the set.
            while self.connections.try_join_next().is_some() {}
        }
    }

    fn start(&mut self, stream: GuardedStream<TcpStream>) {
        let peer = stream.peer().clone();
        let ended = peer.ended().clone();
        let routes = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            routes.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        self.connections.spawn(async move {
            tokio::select! {
                served = connection => if let Err(error) = served {
                    tracing::debug!(%error, "an HTTP connection broke");
                },
                // A connection that waits for its handler looks at nothing else.
                () = ended.cancelled() => {}
            }
        });
    }

    async fn drain(self, limit: Duration) {
        let Self {
            acceptor,
            graceful,
            mut connections,
            ..
        } = self;
        drop(acceptor);
        let ended = tokio::time::timeout(limit, graceful.shutdown()).await;
        if ended.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "HTTP requests did not end in time and are cut off"
            );
        }
        connections.shutdown().await;
    }
}
