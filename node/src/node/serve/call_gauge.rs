//! A gauge of open gRPC calls and streams.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http_body_util::BodyExt;
use metrics::Gauge;
use tonic::service::Routes;

/// Shows in `open` how many calls of these routes are open. A call is open from the head of the
/// request to the end of the response's body, or until one side cancels it.
pub fn counted(routes: Routes, open: Gauge) -> Routes {
    let counted = from_fn_with_state(open, count);
    Routes::from(routes.into_axum_router().layer(counted))
}

/// One open call, until it is dropped.
struct OpenCall(Gauge);

impl OpenCall {
    fn begin(open: Gauge) -> Self {
        open.increment(1.0);
        Self(open)
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

async fn count(State(open): State<Gauge>, request: Request, next: Next) -> Response {
    let call = OpenCall::begin(open);
    let response = next.run(request).await;
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            // A stream is open as long as its body lives.
            let _held = &call;
            frame
        }))
    })
}
