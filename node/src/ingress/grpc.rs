//! The gRPC door.

use std::{
    pin::{Pin, pin},
    sync::Arc,
};

use futures::{Stream, StreamExt, stream};
use homeroom_proto::v1::{
    PublishRequest, PublishResponse, PublishStreamRequest, PublishStreamResponse,
    ingest_service_server::IngestService,
};
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{Request, Response, Status, Streaming};

use super::intake::{Intake, IntakeError, PendingRequest, Receipt};
use crate::{observe::metrics::Transport, route::Urgency, status};

/// What counts as the source of deliveries that name none: `listener:grpc`.
const LISTENER: &str = "grpc";
/// Batches of one stream that may be under way, however small they are.
const BATCHES_MAX: usize = 256;

/// Serves [`IngestService`].
pub struct IngestHandler {
    intake: Intake,
    stream_window_bytes: u32,
    stop: CancellationToken,
}

impl IngestHandler {
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
impl IngestService for IngestHandler {
    type PublishStreamStream = Acknowledgements;

    async fn publish(
        &self,
        request: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        self.intake.count_request(Transport::Grpc);
        let PublishRequest { events, raw } = request.into_inner();
        let taken = self
            .intake
            .hand_over(LISTENER, &events, raw.as_ref(), Urgency::Refuse);
        let taken = taken.await.map_err(|error| to_status(&error))?;
        let Receipt {
            outcomes, position, ..
        } = taken.receipt().await;
        Ok(Response::new(PublishResponse {
            outcomes,
            position: Some(position),
        }))
    }

    async fn publish_stream(
        &self,
        request: Request<Streaming<PublishStreamRequest>>,
    ) -> Result<Response<Acknowledgements>, Status> {
        let until_stopped = self.stop.clone().cancelled_owned();
        let batches = request.into_inner().take_until(until_stopped);
        let (taken, mut under_way) = mpsc::channel(BATCHES_MAX / 2);
        let window = Window::of(self.stream_window_bytes);
        // A task of its own: where acknowledgements are not read, they are not asked for either, and a batch that nobody goes on with would
        // keep the room in the node's queue that it was just given.
        let reader = read_on(self.intake.clone(), batches, window, taken);
        let reader = AbortOnDropHandle::new(tokio::spawn(reader));
        let acknowledgements = stream::poll_fn(move |context| under_way.poll_recv(context))
            .map(|taken: Result<PendingBatch, Status>| async { Ok(taken?.acknowledgement().await) })
            .buffered(BATCHES_MAX / 2);
        // After a failure nothing more is acknowledged: the sender sends again what was not.
        let acknowledgements = until_error(acknowledgements, reader);
        Ok(Response::new(Box::pin(acknowledgements)))
    }
}

/// A batch that its shards have taken in.
struct PendingBatch {
    sequence: u64,
    taken: PendingRequest,
    /// Its place in the stream's window, until it is acknowledged.
    _room: OwnedSemaphorePermit,
}

/// How far a stream is read ahead of its acknowledgements.
struct Window {
    room: Arc<Semaphore>,
    bytes: u32,
}

impl Window {
    fn of(bytes: u32) -> Self {
        let room = Arc::new(Semaphore::new(bytes as usize));
        Self { room, bytes }
    }

    /// `None` never comes: nobody closes it.
    async fn room_for(&self, batch: &PublishStreamRequest) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(batch.encoded_len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room);
        room.acquire_many_owned(bytes.min(self.bytes)).await.ok()
    }
}

/// Hands batches over one after the other: a stream's batches are applied in its order. Ends with the first failure, which is the last that
/// it tells.
async fn read_on(
    intake: Intake,
    batches: impl Stream<Item = Result<PublishStreamRequest, Status>>,
    window: Window,
    taken: mpsc::Sender<Result<PendingBatch, Status>>,
) {
    let mut batches = pin!(batches);
    while let Some(batch) = batches.next().await {
        let under_way = match batch {
            Ok(batch) => {
                let Some(room) = window.room_for(&batch).await else {
                    return;
                };
                hand_over(&intake, batch, room).await
            }
            Err(status) => Err(status),
        };
        let is_last = under_way.is_err();
        if taken.send(under_way).await.is_err() || is_last {
            return;
        }
    }
}

async fn hand_over(
    intake: &Intake,
    batch: PublishStreamRequest,
    room: OwnedSemaphorePermit,
) -> Result<PendingBatch, Status> {
    let PublishStreamRequest {
        sequence,
        events,
        raw,
    } = batch;
    intake.count_request(Transport::GrpcStream);
    let taken = intake
        .hand_over(LISTENER, &events, raw.as_ref(), Urgency::Wait)
        .await;
    Ok(PendingBatch {
        sequence,
        taken: taken.map_err(|error| to_status(&error))?,
        _room: room,
    })
}

impl PendingBatch {
    async fn acknowledgement(self) -> PublishStreamResponse {
        let receipt = self.taken.receipt().await;
        PublishStreamResponse {
            sequence: self.sequence,
            outcomes: receipt.outcomes,
            position: Some(receipt.position),
        }
    }
}

/// Ends with the first failure, and with it what the items come from.
fn until_error<S, T>(source: S, from: T) -> impl Stream<Item = S::Item> + Send
where
    S: Stream<Item = Result<PublishStreamResponse, Status>> + Send + 'static,
    T: Send + 'static,
{
    stream::unfold(Some((Box::pin(source), from)), |state| async move {
        let (mut source, from) = state?;
        let item = source.next().await?;
        let rest = item.is_ok().then_some((source, from));
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
