//! `POST /v1/events`: one native JSON event, an array of events, or one per line.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::ingress::{JsonIntake, Receipt};
use crate::observe::metrics::Transport;

use super::content::{EventsForm, events_form};
use super::error::{HttpError, RETRY_AFTER_DEFAULT, retry_after_header};
use super::events_answer::EventsAnswer;
use super::openapi::{BodyErrors, BodyParams, EventsBody, EventsRefused};
use super::position::with_position;
use super::split::{SplitError, are_lines, lines, values};
use super::state::HttpState;

/// Upper bound of events per body. Small events take more memory than their bytes.
pub(super) const EVENTS_MAX: usize = 50_000;

/// Answers with each event's outcome, once all are durable and applied.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "postEvents",
    params(BodyParams),
    request_body(
        description = "One event, an array of events, or one per line. At most 50,000.",
        content((EventsBody = "application/json"), (String = "application/x-ndjson")),
    ),
    responses(
        (
            status = 200,
            description = "The outcome of each event, dead letters included.",
            body = EventsAnswer,
            headers(("Homeroom-Position" = String, description = "Where they are applied.")),
        ),
        BodyErrors,
        (
            status = 503,
            description = "Not all could be taken now: those with status RETRY must be sent again. \
                           Those that are also `unknown` may or may not be stored. Without \
                           `outcomes` nothing was taken. See Retry-After.",
            body = EventsRefused,
        ),
    ),
)]
pub(super) async fn publish<I: JsonIntake>(
    State(state): State<Arc<HttpState<I>>>,
    request: Request<Body>,
) -> Result<Response, HttpError> {
    let form = match events_form(request.headers()) {
        Ok(form) => form,
        Err(error) => return Err(state.bodies.refuse(request, error).await),
    };
    state.metrics.ingest.requests(Transport::Http).increment(1);
    let body = state.bodies.receive(request).await?;
    let events = match split(form, &body.bytes) {
        Ok(events) => events,
        Err(error) => {
            if let SplitError::NotJson(_) = error {
                // The body can't be split into events, so it is kept whole.
                let whole = [body.bytes.clone()];
                let kept = state.intake.service()?.publish_events(&whole).await?;
                if kept.is_partial() {
                    return answer(&kept);
                }
            }
            return Err(error.into_http());
        }
    };
    let receipt = if events.is_empty() {
        Receipt::default()
    } else {
        state.intake.service()?.publish_events(&events).await?
    };
    answer(&receipt)
}

fn split(form: EventsForm, body: &Bytes) -> Result<Vec<Bytes>, SplitError> {
    let by_line = || {
        let lines = lines(body, EVENTS_MAX)?;
        Ok(lines.into_iter().map(|line| body.slice_ref(line)).collect())
    };
    if form == EventsForm::Lines {
        return by_line();
    }
    match values(body, EVENTS_MAX) {
        Ok(values) => {
            let values = values.into_iter();
            Ok(values
                .map(|value| body.slice_ref(value.get().as_bytes()))
                .collect())
        }
        Err(SplitError::NotJson(_)) if are_lines(body) => by_line(),
        Err(error) => Err(error),
    }
}

fn answer(receipt: &Receipt) -> Result<Response, HttpError> {
    let is_partial = receipt.is_partial();
    let json = serde_json::to_vec(&EventsAnswer::of(receipt))
        .map_err(|_| HttpError::Internal("outcomes"))?;
    let status = if is_partial {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let mut response = (status, [(CONTENT_TYPE, "application/json")], json).into_response();
    if is_partial {
        let (name, value) = retry_after_header(RETRY_AFTER_DEFAULT);
        response.headers_mut().insert(name, value);
    }
    Ok(with_position(response, &receipt.position))
}
