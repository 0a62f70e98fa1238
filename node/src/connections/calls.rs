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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::{http::StatusCode, response::IntoResponse, routing::post};
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{connections::ConnectionLimits, observe::Metrics};

    const WITHIN: Duration = Duration::from_secs(30);

    fn routes(calls_max: usize) -> (TowerToHyperService<Router>, ConnectionTable) {
        let limits = ConnectionLimits {
            calls_max,
            ..ConnectionLimits::default()
        };
        let table = ConnectionTable::new(limits, Metrics::new().listener.grpc.clone());
        let calls = CallLimits {
            table: table.clone(),
            refusal: || (StatusCode::TOO_MANY_REQUESTS, "").into_response(),
            body_within: WITHIN,
            is_bounded: |path| path == "/bounded",
            open: None,
        };
        let routes = Router::new()
            .route("/bounded", post(|_: Bytes| async {}))
            .route("/stream", post(|_: Bytes| async {}));
        (TowerToHyperService::new(bounded(routes, calls)), table)
    }

    /// A request whose body never ends.
    fn endless(path: &str) -> Request {
        let frames = futures::stream::pending::<Result<Bytes, io::Error>>();
        let mut request = Request::new(Body::from_stream(frames));
        *request.method_mut() = axum::http::Method::POST;
        *request.uri_mut() = path.parse().expect("a path");
        let peer = Peer::new(Instant::now(), CancellationToken::new());
        request.extensions_mut().insert(peer);
        request
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_arrive_fails_and_a_stream_may_go_on() {
        let (routes, _table) = routes(2);
        let bounded = tokio::time::timeout(WITHIN * 2, routes.call(endless("/bounded"))).await;
        let status = bounded.expect("in time").expect("an answer").status();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let stream = tokio::time::timeout(WITHIN * 2, routes.call(endless("/stream"))).await;
        assert!(stream.is_err(), "it goes on");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_beyond_the_bound_are_refused_until_one_ends() {
        let (routes, _table) = routes(1);
        let mut first = Box::pin(routes.call(endless("/stream")));
        assert!(futures::poll!(&mut first).is_pending());
        let second = routes.call(endless("/stream")).await.expect("an answer");
        assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
        drop(first);
        let third = routes.call(endless("/bounded")).await.expect("an answer");
        assert_eq!(
            third.status(),
            StatusCode::BAD_REQUEST,
            "taken, and not arrived"
        );
    }
}
