//! One stream of batches to one node.

use std::future::Future;
use std::pin::Pin;

use homeroom_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};
use v1::ingest_service_client::IngestServiceClient;

use crate::{Failure, client::ANSWER_BYTES_MAX, endpoints::Node};

/// Requests queued for HTTP/2. All other batches wait in the window, which is bounded.
const REQUESTS_AHEAD: usize = 2;

type Answers = Streaming<v1::PublishStreamResponse>;
type Opening = Pin<Box<dyn Future<Output = Result<Response<Answers>, Status>> + Send>>;

/// A stream of batches that is open or opening.
pub(super) struct Connection {
    pub(super) node: Node,
    /// None once sending has ended.
    to_node: Option<mpsc::Sender<v1::PublishStreamRequest>>,
    state: State,
}

/// The stream before and after the node's headers. Requests may be sent before: some nodes answer
/// only the first batch.
enum State {
    Opening(Opening),
    Open(Box<Answers>),
}

impl Connection {
    pub(super) fn open(node: Node) -> Self {
        let (to_node, requests) = mpsc::channel(REQUESTS_AHEAD);
        let mut client = IngestServiceClient::new(node.channel.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        let opening = async move { client.publish_stream(ReceiverStream::new(requests)).await };
        let state = State::Opening(Box::pin(opening));
        Self {
            node,
            to_node: Some(to_node),
            state,
        }
    }

    /// Both halves, to be awaited in one `select!`.
    pub(super) fn split(&mut self) -> (Sending<'_>, Receiving<'_>) {
        let Self {
            node,
            to_node,
            state,
        } = self;
        (Sending(to_node), Receiving { node, state })
    }

    /// Ends the sending half.
    pub(super) fn close_sending(&mut self) {
        self.to_node = None;
    }
}

/// The half that sends batches.
pub(super) struct Sending<'a>(&'a Option<mpsc::Sender<v1::PublishStreamRequest>>);

impl Sending<'_> {
    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for room in the queue. None when the node accepts no more; the other half has the
    /// reason.
    pub(super) async fn reserve(&self) -> Option<mpsc::OwnedPermit<v1::PublishStreamRequest>> {
        self.0.clone()?.reserve_owned().await.ok()
    }
}

/// The half that receives acknowledgements.
pub(super) struct Receiving<'a> {
    node: &'a Node,
    state: &'a mut State,
}

impl Receiving<'_> {
    /// The next acknowledgement. Opens the stream first. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<v1::PublishStreamResponse, Failure> {
        let name = &self.node.name;
        if let State::Opening(opening) = self.state {
            let answers = opening.await.map_err(|status| Failure::new(name, status))?;
            *self.state = State::Open(Box::new(answers.into_inner()));
        }
        let State::Open(answers) = self.state else {
            return Err(Failure::new(
                name,
                Status::internal("the stream is not open"),
            ));
        };
        match answers.message().await {
            Ok(Some(answer)) => Ok(answer),
            // A node that shuts down ends its streams without an error.
            Ok(None) => Err(Failure::new(name, Status::unavailable("the stream ended"))),
            Err(status) => Err(Failure::new(name, status)),
        }
    }
}
