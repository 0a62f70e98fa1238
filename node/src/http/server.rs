//! Serves connections: bounds their number, owns their tasks, and drains them at the end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Bounds of the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Open connections. Further ones wait in the kernel's backlog. At least 1.
    pub connections_max: usize,
    /// Time for requests in progress to end after the shutdown signal.
    pub drain: Duration,
}

struct Server {
    listener: TcpListener,
    router: Router,
    room: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

/// Time for a client to send a request's head; idle connections are closed after it, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause after a failed `accept`, which mostly fails for lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` completes and the requests in progress have ended or run out of time.
/// All its tasks have ended when it returns or is dropped.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let mut server = Server {
        listener,
        router,
        room: Arc::new(Semaphore::new(options.connections_max.max(1))),
        graceful: GracefulShutdown::new(),
        connections: JoinSet::new(),
    };
    tokio::select! {
        never = server.accept_forever() => match never {},
        () = shutdown => {}
    }
    server.drain(options.drain).await;
}

impl Server {
    async fn accept_forever(&mut self) -> Infallible {
        loop {
            match self.accept().await {
                Ok((stream, room)) => self.start(stream, room),
                Err(error) => {
                    tracing::warn!(%error, "an HTTP connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            // Remove the results of ended connections from the set.
            while self.connections.try_join_next().is_some() {}
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(io::Error::other)?;
        let (stream, _peer) = self.listener.accept().await?;
        // Small answers would otherwise wait for the client's delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok((stream, room))
    }

    fn start(&mut self, stream: TcpStream, room: OwnedSemaphorePermit) {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(self.router.clone()),
            );
        let connection = self.graceful.watch(connection);
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP connection broke");
            }
            drop(room);
        });
    }

    async fn drain(self, limit: Duration) {
        let Self {
            listener,
            graceful,
            mut connections,
            ..
        } = self;
        drop(listener);
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
