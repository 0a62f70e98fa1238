//! The gRPC service for publishing events.

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
use crate::{
    observe::metrics::Transport,
    route::{DeliveryError, RouteError, Urgency},
    status,
};

/// Deliveries without a source are counted as `listener:grpc`.
const LISTENER: &str = "grpc";
/// Upper bound of the unacknowledged batches of one stream.
const BATCHES_MAX: usize = 256;

/// Serves [`IngestService`].
pub struct IngestHandler {
    intake: Intake,
    stream_window_bytes: u32,
    stop: CancellationToken,
}

impl IngestHandler {
    /// `stream_window_bytes` bounds the unacknowledged bytes of a stream. Once `stop` is cancelled,
    /// a stream is read no further and ends after its last acknowledgement.
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
            outcomes,
            position,
            refusal,
            ..
        } = taken.receipt().await;
        if let Some(refusal) = refusal {
            return Err(refused_whole(refusal));
        }
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
        // The reader is a task of its own. If the stream of acknowledgements drove it, a client
        // that does not read them would stop it between two steps, with room in the node's queue
        // reserved.
        let reader = read_on(self.intake.clone(), batches, window, taken);
        let reader = AbortOnDropHandle::new(tokio::spawn(reader));
        let acknowledgements = stream::poll_fn(move |context| under_way.poll_recv(context))
            .map(|taken: Result<PendingBatch, Status>| async { Ok(taken?.acknowledgement().await) })
            .buffered(BATCHES_MAX / 2);
        // Nothing is acknowledged after a failure. The sender sends unacknowledged batches again.
        let acknowledgements = until_error(acknowledgements, reader);
        Ok(Response::new(Box::pin(acknowledgements)))
    }
}

/// A batch in the queues of its shards.
struct PendingBatch {
    sequence: u64,
    taken: PendingRequest,
    /// Its bytes in the stream's window, released with the acknowledgement.
    _room: OwnedSemaphorePermit,
}

/// Bounds the unacknowledged bytes of a stream.
struct Window {
    room: Arc<Semaphore>,
    bytes: u32,
}

impl Window {
    fn of(bytes: u32) -> Self {
        let room = Arc::new(Semaphore::new(bytes as usize));
        Self { room, bytes }
    }

    /// Always `Some`, as the semaphore is never closed.
    async fn room_for(&self, batch: &PublishStreamRequest) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(batch.encoded_len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room);
        room.acquire_many_owned(bytes.min(self.bytes)).await.ok()
    }
}

/// Hands batches over one by one, so that they are applied in the stream's order. Ends with the
/// first failure, which is sent as the last item.
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

/// Ends after the first failure, and then drops the source of the items.
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

/// The status of a request none of whose events has an outcome, all for this reason.
fn refused_whole(error: DeliveryError) -> Status {
    let reason = match error {
        DeliveryError::NotLeader => status::NOT_LEADER,
        DeliveryError::Overdue => "OVERDUE",
        DeliveryError::Failed => status::SHARD_FAILED,
        DeliveryError::Unknown => status::OUTCOME_UNKNOWN,
        DeliveryError::Sealed => return status::sealed(&error.to_string()),
    };
    status::unavailable(reason, &error.to_string())
}

fn to_status(error: &IntakeError) -> Status {
    match error {
        IntakeError::UnknownFormat => status::invalid("raw.format", &error.to_string()),
        IntakeError::NotFounded => status::unavailable("STARTING", &error.to_string()),
        IntakeError::TooMany(_) => status::invalid("events", &error.to_string()),
        IntakeError::Route(route @ RouteError::Sealed { .. }) => status::sealed(&route.to_string()),
        IntakeError::Route(route) => status::overloaded(&route.to_string()),
    }
}
