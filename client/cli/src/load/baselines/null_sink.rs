//! A gRPC server that only acknowledges.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::thread::JoinHandle;

use futures::{Stream, StreamExt};
use homeroom_proto::v1;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Server, Uri, server::TcpIncoming};
use tonic::{Request, Response, Status, Streaming};
use v1::ingest_service_server::{IngestService, IngestServiceServer};

/// Enough for a request of ten thousand events.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// A gRPC server on loopback that only acknowledges. It has a thread and a runtime of its own: a
/// node does not share its publishers' runtime either.
pub(super) struct NullSink {
    address: SocketAddr,
    stop: DropGuard,
    thread: JoinHandle<io::Result<()>>,
}

impl NullSink {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("null-sink".to_owned());
        let thread = thread.spawn(move || serve(listener, &stopped))?;
        Ok(Self {
            address,
            stop: stop.drop_guard(),
            thread,
        })
    }

    pub(super) fn uri(&self) -> io::Result<Uri> {
        let uri = Uri::builder().scheme("http").path_and_query("/");
        let uri = uri.authority(self.address.to_string()).build();
        uri.map_err(io::Error::other)
    }

    /// Stops the server, with connections open or not.
    pub(super) fn stop(self) -> io::Result<()> {
        drop(self.stop);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the null sink panicked")))
    }
}

fn serve(listener: TcpListener, stop: &CancellationToken) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let service = IngestServiceServer::new(Sink).max_decoding_message_size(REQUEST_BYTES_MAX);
        let server = Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming);
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = server => ended.map_err(io::Error::other),
        }
    })
}

struct Sink;

#[tonic::async_trait]
impl IngestService for Sink {
    type PublishStreamStream =
        Pin<Box<dyn Stream<Item = Result<v1::PublishStreamResponse, Status>> + Send>>;

    async fn publish(
        &self,
        _: Request<v1::PublishRequest>,
    ) -> Result<Response<v1::PublishResponse>, Status> {
        Err(Status::unimplemented("this sink takes streams only"))
    }

    async fn publish_stream(
        &self,
        requests: Request<Streaming<v1::PublishStreamRequest>>,
    ) -> Result<Response<Self::PublishStreamStream>, Status> {
        let answers = requests
            .into_inner()
            .map(|request| request.map(|request| taken(&request)));
        Ok(Response::new(Box::pin(answers)))
    }
}

fn taken(request: &v1::PublishStreamRequest) -> v1::PublishStreamResponse {
    let accepted = v1::EventOutcome {
        status: v1::EventStatus::Accepted.into(),
        ..v1::EventOutcome::default()
    };
    v1::PublishStreamResponse {
        sequence: request.sequence,
        outcomes: vec![accepted; request.events.len()],
        position: None,
    }
}
