//! A fake node: takes events, stores them, and fails at random, from a seed.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use homeroom_client::v1::{
    self, DeadLetterReason, EventOutcome, EventStatus, PublishStreamRequest, PublishStreamResponse,
    ingest_service_server::{IngestService, IngestServiceServer},
};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Server, Uri, server::TcpIncoming};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

/// Failures per thousand batches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mischief {
    /// The stream breaks before the batch is taken.
    pub drop_before: u32,
    /// The stream breaks after the batch is taken, without an acknowledgement.
    pub drop_after: u32,
    /// The stream ends with RESOURCE_EXHAUSTED.
    pub exhausted: u32,
    /// The stream ends without an error.
    pub end: u32,
    /// Per thousand events: returned with the status RETRY.
    pub retry_events: u32,
    /// Per thousand events: returned as unknown; half of them are stored.
    pub unknown_events: u32,
}

/// What the node received.
#[derive(Debug, Default)]
pub struct Seen {
    /// Payloads, in the order of their first arrival.
    pub order: Vec<Bytes>,
    known: HashSet<Bytes>,
    /// The reason of each refused payload.
    pub refused: HashMap<Bytes, DeadLetterReason>,
    pub connections: u32,
    pub sources: HashSet<String>,
    pub formats: HashSet<i32>,
}

#[derive(Clone)]
pub struct FakeNode {
    pub seen: Arc<Mutex<Seen>>,
    chance: Arc<Mutex<fastrand::Rng>>,
    mischief: Mischief,
    pub cluster_id: &'static str,
}

/// A running fake. Has a runtime of its own, so that dropping it closes all its connections.
pub struct Running {
    pub node: FakeNode,
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Running {
    pub fn endpoint(&self) -> Uri {
        format!("http://{}", self.address)
            .parse()
            .expect("an address")
    }
}

impl FakeNode {
    pub fn new(seed: u64, mischief: Mischief) -> Self {
        Self {
            seen: Arc::default(),
            chance: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
            mischief,
            cluster_id: "fake",
        }
    }

    pub fn start(self) -> Running {
        self.start_at("127.0.0.1:0".parse().expect("an address"))
    }

    pub fn start_at(self, address: SocketAddr) -> Running {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let inside = runtime.enter();
        let incoming = TcpIncoming::bind(address).expect("a free port");
        drop(inside);
        let address = incoming.local_addr().expect("bound");
        let service = IngestServiceServer::new(self.clone());
        // Ends with its runtime.
        runtime.spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        Running {
            node: self,
            address,
            runtime: Some(runtime),
        }
    }

    fn strikes(&self, per_thousand: u32) -> bool {
        self.chance.lock().expect("no panic").u32(0..1_000) < per_thousand
    }

    /// The failure of this batch, if any. An inner `None` ends the stream without an error.
    fn broken_before(&self) -> Option<Option<Status>> {
        if self.strikes(self.mischief.exhausted) {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(5)));
            let full = Status::with_error_details(Code::ResourceExhausted, "full", details);
            return Some(Some(full));
        }
        if self.strikes(self.mischief.end) {
            return Some(None);
        }
        let drop = self.strikes(self.mischief.drop_before);
        drop.then(|| Some(Status::unavailable("dropped before")))
    }

    fn take(&self, raw: &v1::RawEvents) -> Vec<EventOutcome> {
        let mut seen = self.seen.lock().expect("no panic");
        seen.sources.insert(raw.source.clone());
        seen.formats.insert(raw.format);
        raw.payloads
            .iter()
            .map(|payload| self.take_one(&mut seen, payload))
            .collect()
    }

    fn take_one(&self, seen: &mut Seen, payload: &Bytes) -> EventOutcome {
        if self.strikes(self.mischief.retry_events) {
            return outcome(EventStatus::Retry, DeadLetterReason::Unspecified);
        }
        let is_unknown = self.strikes(self.mischief.unknown_events);
        if is_unknown && self.strikes(500) {
            return unknown();
        }
        let reason = match payload.len() > 64 << 10 {
            true => DeadLetterReason::Oversized,
            false if payload.starts_with(b"bad") => DeadLetterReason::BadTimestamp,
            false => DeadLetterReason::Unspecified,
        };
        if !seen.known.insert(payload.clone()) {
            return outcome(EventStatus::Duplicate, reason);
        }
        seen.order.push(payload.clone());
        if reason != DeadLetterReason::Unspecified {
            seen.refused.insert(payload.clone(), reason);
            return outcome(EventStatus::DeadLettered, reason);
        }
        match is_unknown {
            true => unknown(),
            false => outcome(EventStatus::Accepted, reason),
        }
    }

    fn position(&self) -> v1::PositionToken {
        let index = self.seen.lock().expect("no panic").order.len() as u64;
        let shards = vec![v1::ShardPosition {
            index,
            ..v1::ShardPosition::default()
        }];
        v1::PositionToken {
            cluster_id: self.cluster_id.into(),
            shards,
        }
    }
}

fn outcome(status: EventStatus, reason: DeadLetterReason) -> EventOutcome {
    EventOutcome {
        status: status.into(),
        reason: reason.into(),
        ..Default::default()
    }
}

fn unknown() -> EventOutcome {
    EventOutcome {
        unknown: true,
        ..outcome(EventStatus::Retry, DeadLetterReason::Unspecified)
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<PublishStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for FakeNode {
    type PublishStreamStream = Answers;

    async fn publish(
        &self,
        request: Request<v1::PublishRequest>,
    ) -> Result<Response<v1::PublishResponse>, Status> {
        if let Some(Some(status)) = self.broken_before() {
            return Err(status);
        }
        let outcomes = self.take(&request.into_inner().raw.unwrap_or_default());
        Ok(Response::new(v1::PublishResponse {
            outcomes,
            position: Some(self.position()),
        }))
    }

    async fn publish_stream(
        &self,
        request: Request<Streaming<PublishStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        self.seen.lock().expect("no panic").connections += 1;
        let node = self.clone();
        let answers = futures::stream::unfold(Some(request.into_inner()), move |requests| {
            let node = node.clone();
            async move {
                let mut requests = requests?;
                let request = requests.next().await?.ok()?;
                if let Some(broken) = node.broken_before() {
                    return broken.map(|status| (Err(status), None));
                }
                let outcomes = node.take(&request.raw.unwrap_or_default());
                if node.strikes(node.mischief.drop_after) {
                    return Some((Err(Status::unavailable("dropped after")), None));
                }
                let position = Some(node.position());
                let sequence = request.sequence;
                Some((
                    Ok(PublishStreamResponse {
                        sequence,
                        outcomes,
                        position,
                    }),
                    Some(requests),
                ))
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }
}
