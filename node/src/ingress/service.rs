//! The gRPC door.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use homeroom_proto::v1::{
    PublishRequest, PublishResponse, PublishStreamRequest, PublishStreamResponse,
    ingest_service_server::IngestService,
};
use prost::Message;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::intake::{Intake, IntakeError, Receipt, Taken};
use crate::{observe::metrics::Transport, route::Urgency, status};

/// What counts as the source of deliveries that name none: `listener:grpc`.
const LISTENER: &str = "grpc";
/// Batches of one stream that may be under way, however small they are.
const BATCHES_MAX: usize = 256;

/// Serves [`IngestService`].
pub struct IngestDoor {
    intake: Intake,
    stream_window_bytes: u32,
    stop: CancellationToken,
}

impl IngestDoor {
    /// Streams are read ahead of their acknowledgements by at most so many bytes; once `stop` is cancelled they are read no
    /// further, and end when what was read is acknowledged.
    pub fn new(intake: Intake, stream_window_bytes: u32, stop: CancellationToken) -> Self {
        Self {
            intake,
            stream_window_bytes,
            stop,
        }
    }
}

type Acknowledgements = Pin<Box<dyn Stream<Item = Result<PublishStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for IngestDoor {
    type PublishStreamStream = Acknowledgements;

    async fn publish(
        &self,
        request: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        self.intake.count_request(Transport::Grpc);
        let PublishRequest { events, raw } = request.into_inner();
        let receipt = self
            .intake
            .take(LISTENER, &events, raw.as_ref(), Urgency::Refuse)
            .await;
        let Receipt { outcomes, position } = receipt.map_err(|error| to_status(&error))?;
        Ok(Response::new(PublishResponse {
            outcomes,
            position: Some(position),
        }))
    }

    async fn publish_stream(
        &self,
        request: Request<Streaming<PublishStreamRequest>>,
    ) -> Result<Response<Acknowledgements>, Status> {
        let intake = self.intake.clone();
        let window_bytes = self.stream_window_bytes;
        let window = Arc::new(Semaphore::new(window_bytes as usize));
        let until_stopped = self.stop.clone().cancelled_owned();
        let acknowledgements = request
            .into_inner()
            .take_until(until_stopped)
            .and_then(move |batch| {
                let window = Arc::clone(&window);
                let intake = intake.clone();
                // One after the other: a stream's batches are applied in its order.
                async move {
                    let bytes = u32::try_from(batch.encoded_len()).unwrap_or(u32::MAX);
                    let room = window.acquire_many_owned(bytes.min(window_bytes)).await;
                    hand_over(&intake, batch).await.map(|taken| (taken, room))
                }
            })
            .map_ok(|((sequence, taken), room)| async move {
                let acknowledgement = acknowledgement(sequence, taken.receipt().await);
                drop(room);
                Ok(acknowledgement)
            })
            .map(|under_way| async { under_way?.await })
            .buffered(BATCHES_MAX);
        // After a failure nothing more is acknowledged: the sender sends again what was not.
        let acknowledgements = stream_until_error(acknowledgements);
        Ok(Response::new(Box::pin(acknowledgements)))
    }
}

async fn hand_over(intake: &Intake, batch: PublishStreamRequest) -> Result<(u64, Taken), Status> {
    let PublishStreamRequest {
        sequence,
        events,
        raw,
    } = batch;
    intake.count_request(Transport::GrpcStream);
    let taken = intake
        .hand_over(LISTENER, &events, raw.as_ref(), Urgency::Wait)
        .await;
    Ok((sequence, taken.map_err(|error| to_status(&error))?))
}

fn acknowledgement(sequence: u64, receipt: Receipt) -> PublishStreamResponse {
    PublishStreamResponse {
        sequence,
        outcomes: receipt.outcomes,
        position: Some(receipt.position),
    }
}

fn stream_until_error<S>(source: S) -> impl Stream<Item = S::Item> + Send
where
    S: Stream<Item = Result<PublishStreamResponse, Status>> + Send + 'static,
{
    stream::unfold(Some(Box::pin(source)), |source| async move {
        let mut source = source?;
        let item = source.next().await?;
        let rest = item.is_ok().then_some(source);
        Some((item, rest))
    })
}

fn to_status(error: &IntakeError) -> Status {
    match error {
        IntakeError::UnknownFormat => status::invalid("raw.format", &error.to_string()),
        IntakeError::NotFounded => status::unavailable("STARTING", &error.to_string()),
        IntakeError::TooMany(_) => status::invalid("events", &error.to_string()),
        IntakeError::Route(route) => status::overloaded(&route.to_string()),
    }
}
