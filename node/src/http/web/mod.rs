//! Keeps pages of other origins out: which hosts a request may name, which pages it may come from.

mod authority;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::cors::CorsLayer;

use super::position::POSITION;
use super::xapi::VERSION;

pub use rules::WebRules;

/// How long a browser may remember the answer to a preflight request.
const PREFLIGHT_FOR: Duration = Duration::from_secs(600);
/// What a page sends again when an event stream broke.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The same routes, for the hosts and pages that the rules allow.
pub fn guarded(routes: Router, rules: WebRules) -> Router {
    let pages = pages(&rules);
    let guard = from_fn_with_state(Arc::new(rules), check);
    // The last layer is the first to see a request.
    routes.layer(pages).layer(guard)
}

async fn check(State(rules): State<Arc<WebRules>>, request: Request, next: Next) -> Response {
    match rules.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        // The body is not read: nothing of a refused request is acted on.
        Err(error) => error.into_response(),
    }
}

/// Lets pages of the configured origins read the answers.
fn pages(rules: &WebRules) -> CorsLayer {
    let origins = rules.origins().iter();
    let origins = origins.filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CACHE_CONTROL,
            header::CONTENT_ENCODING,
            header::CONTENT_TYPE,
            LAST_EVENT_ID,
            POSITION,
            VERSION,
        ])
        .expose_headers([POSITION, VERSION, header::RETRY_AFTER])
        .max_age(PREFLIGHT_FOR)
}
