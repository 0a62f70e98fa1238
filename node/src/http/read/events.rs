//! Sends watches as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::super::error::HttpError;

/// After this long without an event a comment is sent, so that both sides notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Sends a watch's answers as events called `name` until the watch, the client or the node ends. An
/// error is sent as a last event called `error`. Answers are built only when the client can receive
/// them; the watch itself skips outdated ones.
pub(super) fn events<A: 'static>(
    name: &'static str,
    answers: impl Stream<Item = Result<A, Status>> + Send + 'static,
    shown: impl Fn(A) -> Result<Value, HttpError> + Send + 'static,
    closing: impl Future<Output = ()> + Send + 'static,
    room: OwnedSemaphorePermit,
) -> Response {
    let events = answers.map(move |answer| {
        let value = answer.map_err(HttpError::from).and_then(&shown);
        match value {
            Ok(value) => Event::default().event(name).data(value.to_string()),
            Err(error) => Event::default().event("error").data(error.to_json()),
        }
    });
    let events = Box::pin(events.take_until(Box::pin(closing)));
    let held = stream::unfold((events, room), |(mut events, room)| async move {
        let event = events.next().await?;
        Some((Ok::<_, Infallible>(event), (events, room)))
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    Sse::new(held).keep_alive(heartbeat).into_response()
}
