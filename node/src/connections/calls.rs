//! Bounds the calls of a listener's connections.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use metrics::Gauge;
use tokio::time::{Sleep, sleep};

use super::{call::OpenCall, peer::Peer, table::ConnectionTable};

/// How the calls of a listener are bounded.
#[derive(Clone)]
pub struct CallLimits {
    /// Counts them, and bounds their number.
    pub table: ConnectionTable,
    /// The answer to a call beyond the bound.
    pub refusal: fn() -> Response,
    /// Time for a request's body to arrive, where `is_bounded` holds for its path.
    pub body_within: Duration,
    /// Whether the body of a request to this path is bounded in time: that of a stream is not.
    pub is_bounded: fn(&str) -> bool,
    /// Shows how many calls are open.
    pub open: Option<Gauge>,
}

/// The same routes; each request to them counts as an open call of its connection.
pub fn bounded(routes: Router, limits: CallLimits) -> Router {
    routes.layer(from_fn_with_state(limits, admit))
}

/// Shows one call in a gauge, until it is dropped.
struct Shown(Gauge);

impl Shown {
    fn begin(open: Gauge) -> Self {
        open.increment(1.0);
        Self(open)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

async fn admit(State(limits): State<CallLimits>, request: Request, next: Next) -> Response {
    // Only a connection that did not come through a listener has no peer: one of a unit test.
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        return next.run(request).await;
    };
    let Some(call) = OpenCall::begin(limits.table, peer) else {
        return (limits.refusal)();
    };
    let shown = limits.open.map(Shown::begin);
    let request = match (limits.is_bounded)(request.uri().path()) {
        true => request.map(|body| {
            Body::new(ArrivingBody {
                body,
                deadline: Box::pin(sleep(limits.body_within)),
            })
        }),
        false => request,
    };
    let response = next.run(request).await;
    response.map(|body| {
        let body = call.answer(body);
        match shown {
            Some(shown) => Body::new(http_body_util::BodyExt::map_frame(body, move |frame| {
                // Shown as long as the body lives.
                let _held = &shown;
                frame
            })),
            None => body,
        }
    })
}

/// A request's body that must arrive in time.
struct ArrivingBody {
    body: Body,
    deadline: Pin<Box<Sleep>>,
}

impl HttpBody for ArrivingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() && self.deadline.as_mut().poll(context).is_ready() {
            let late = io::Error::new(
                io::ErrorKind::TimedOut,
                "the request did not arrive in time",
            );
            return Poll::Ready(Some(Err(axum::Error::new(late))));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
