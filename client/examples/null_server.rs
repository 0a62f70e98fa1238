//! A server that accepts everything and stores nothing, to measure the client alone.
//!
//! `cargo run --release --example null_server -- 127.0.0.1:7499`

use std::pin::Pin;

use futures::{Stream, StreamExt};
use homeroom_client::v1::{
    EventOutcome, EventStatus, PublishRequest, PublishResponse, PublishStreamRequest,
    PublishStreamResponse,
    ingest_service_server::{IngestService, IngestServiceServer},
};
use tonic::{Request, Response, Status, Streaming, transport::Server};

struct NullNode;

type Answers = Pin<Box<dyn Stream<Item = Result<PublishStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for NullNode {
    type PublishStreamStream = Answers;

    async fn publish(
        &self,
        _request: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        Err(Status::unimplemented("only streams are measured"))
    }

    async fn publish_stream(
        &self,
        request: Request<Streaming<PublishStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let answers = request.into_inner().map(|request| {
            let request = request?;
            let accepted = EventOutcome {
                status: EventStatus::Accepted.into(),
                ..Default::default()
            };
            let count = request.events.len() + request.raw.map_or(0, |raw| raw.payloads.len());
            let outcomes = vec![accepted; count];
            Ok(PublishStreamResponse {
                sequence: request.sequence,
                outcomes,
                position: None,
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7499".to_owned());
    Server::builder()
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .add_service(IngestServiceServer::new(NullNode))
        .serve(address.parse()?)
        .await?;
    Ok(())
}
