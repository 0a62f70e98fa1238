//! One stream of batches to one node.

use std::future::Future;
use std::pin::Pin;

use homeroom_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};
use v1::ingest_service_client::IngestServiceClient;

use crate::{Failure, client::ANSWER_BYTES_MAX, endpoints::Node};

/// Requests that wait for HTTP/2 to take them; the window bounds what lies behind.
const REQUESTS_AHEAD: usize = 2;

type Answers = Streaming<v1::PublishStreamResponse>;
type Opening = Pin<Box<dyn Future<Output = Result<Response<Answers>, Status>> + Send>>;

/// One open, or opening, stream of batches.
pub(super) struct Connection {
    pub(super) node: Node,
    /// None once the sending half is closed.
    to_node: Option<mpsc::Sender<v1::PublishStreamRequest>>,
    state: State,
}

/// Requests may be sent before the node answers the opening: some nodes answer only to the first batch.
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

    /// The two halves, to be waited for at once.
    pub(super) fn split(&mut self) -> (Sending<'_>, Receiving<'_>) {
        let Self {
            node,
            to_node,
            state,
        } = self;
        (Sending(to_node), Receiving { node, state })
    }

    /// Sends no more on this connection.
    pub(super) fn close_sending(&mut self) {
        self.to_node = None;
    }
}

/// The half that carries batches.
pub(super) struct Sending<'a>(&'a Option<mpsc::Sender<v1::PublishStreamRequest>>);

impl Sending<'_> {
    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for room. None when the node takes no more, the reason for which comes on the other half.
    pub(super) async fn reserve(&self) -> Option<mpsc::OwnedPermit<v1::PublishStreamRequest>> {
        self.0.clone()?.reserve_owned().await.ok()
    }
}

/// The half that carries acknowledgements.
pub(super) struct Receiving<'a> {
    node: &'a Node,
    state: &'a mut State,
}

impl Receiving<'_> {
    /// The next acknowledgement; opens the stream first. Cancel safe.
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
            // A node that stops ends its streams without an error.
            Ok(None) => Err(Failure::new(name, Status::unavailable("the stream ended"))),
            Err(status) => Err(Failure::new(name, status)),
        }
    }
}
