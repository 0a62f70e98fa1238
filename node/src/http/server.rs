//! Connections: bounded in number, owned, and ended in good order.

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

/// How connections are served.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Open connections; further ones wait in the kernel's backlog. At least 1.
    pub connections_max: usize,
    /// What requests under way get to end, once the server is told to stop.
    pub drain: Duration,
}

struct Server {
    listener: TcpListener,
    router: Router,
    room: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

/// How long a client may take to send a request's head, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Until connections are accepted again after that failed, mostly for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is done and the requests under way have ended or run out of time. All its tasks have ended when it
/// returns, and when it is dropped.
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
            // Ended connections leave their results behind.
            while self.connections.try_join_next().is_some() {}
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(io::Error::other)?;
        let (stream, _peer) = self.listener.accept().await?;
        // Answers are small and awaited: without this they wait for the client's delayed acknowledgement.
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
