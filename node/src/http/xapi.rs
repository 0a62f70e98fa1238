//! `POST /xAPI/statements`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headers::authorization::{Authorization, Basic};
use headers::{ContentType, HeaderMapExt, Mime};
use homeroom_core::Reason;

use crate::observe::metrics::Transport;

use super::error::{HttpError, RefusedStatement};
use super::intake::{Intake, IntakeError, IntakeOutcome, IntakeStatus};
use super::router::HttpState;
use super::statement::{Statement, split};

const VERSION_HEADER: &str = "x-experience-api-version";
const VERSION_1: HeaderValue = HeaderValue::from_static("1.0.3");
const VERSION_2: HeaderValue = HeaderValue::from_static("2.0.0");

/// Of statements that no credential was sent with.
const DEFAULT_SOURCE: &str = "xapi";
/// A longer user name is refused, bytes.
const SOURCE_BYTES_MAX: usize = 128;
/// What a body may hold: small statements cost more than their bytes.
const STATEMENTS_MAX: usize = 10_000;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Takes one statement or an array of them; answers their ids once they are durable and counted.
pub(super) async fn publish<I: Intake>(
    State(state): State<Arc<HttpState<I>>>,
    request: Request<Body>,
) -> Response {
    let version = asked_version(request.headers());
    let shown = version.clone().unwrap_or(VERSION_1);
    let answer = match version {
        Some(_) => take(&state, request).await,
        None => Err(HttpError::UnsupportedVersion),
    };
    let mut response = answer.into_response();
    response.headers_mut().insert(VERSION_HEADER, shown);
    response
}

async fn take<I: Intake>(
    state: &HttpState<I>,
    request: Request<Body>,
) -> Result<Response, HttpError> {
    check_content_type(request.headers())?;
    let source = source(request.headers())?;
    state.metrics.ingest.requests(Transport::Http).increment(1);
    let body = state.bodies.receive(request).await?;
    let statements = match split(&body.bytes) {
        Ok(statements) => statements,
        Err(e) => {
            // Kept whole: nothing in it can be told apart.
            let whole = vec![body.bytes.clone()];
            state.intake.publish_statements(whole, &source).await?;
            return Err(HttpError::NotJson(format!("the body is no JSON: {e}")));
        }
    };
    if statements.len() > STATEMENTS_MAX {
        return Err(HttpError::TooMany {
            statements_max: STATEMENTS_MAX,
        });
    }
    let (ids, payloads): (Vec<Option<String>>, Vec<Bytes>) = statements
        .into_iter()
        .map(|Statement { id, bytes }| (id, bytes))
        .unzip();
    if !payloads.is_empty() {
        let outcomes = state.intake.publish_statements(payloads, &source).await?;
        check_outcomes(ids.len(), &outcomes)?;
    }
    let json = serde_json::to_vec(&ids).map_err(|_| HttpError::Internal("ids"))?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

/// The version to answer with; senders that name none are taken for the older one's. `None` for one not spoken here.
fn asked_version(headers: &HeaderMap) -> Option<HeaderValue> {
    let Some(asked) = headers.get(VERSION_HEADER) else {
        return Some(VERSION_1);
    };
    let is = |version: &str| {
        let rest = asked.to_str().ok()?.trim().strip_prefix(version)?;
        (rest.is_empty() || rest.starts_with('.')).then_some(())
    };
    is("1.0")
        .map(|()| VERSION_1)
        .or(is("2.0").map(|()| VERSION_2))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let given = headers.typed_get::<ContentType>().map(Mime::from);
    let is_json = given.is_some_and(|mime| {
        let charset = mime.get_param("charset");
        mime.essence_str() == "application/json" && charset.is_none_or(|charset| charset == "utf-8")
    });
    is_json.then_some(()).ok_or(HttpError::UnsupportedType)
}

/// The credential that sent the statements. It names them and grants nothing: there is no access control here.
fn source(headers: &HeaderMap) -> Result<String, HttpError> {
    let is_basic = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    };
    if !headers.get(AUTHORIZATION).is_some_and(is_basic) {
        return Ok(DEFAULT_SOURCE.to_owned());
    }
    let credential = headers.typed_get::<Authorization<Basic>>();
    let credential = credential.ok_or(HttpError::BadCredential)?;
    match credential.username() {
        "" => Ok(DEFAULT_SOURCE.to_owned()),
        name if name.len() > SOURCE_BYTES_MAX => Err(HttpError::BadCredential),
        name => Ok(name.to_owned()),
    }
}

/// Whether the whole request can be answered as taken.
fn check_outcomes(count: usize, outcomes: &[IntakeOutcome]) -> Result<(), HttpError> {
    if outcomes.len() != count {
        return Err(HttpError::Internal("as many outcomes as statements"));
    }
    if outcomes
        .iter()
        .any(|outcome| outcome.status == IntakeStatus::Retry)
    {
        return Err(HttpError::Intake(IntakeError::Unavailable {
            reason: "not all statements could be taken now; send the request again".to_owned(),
            retry_after: RETRY_AFTER,
        }));
    }
    let refused: Vec<RefusedStatement> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(index, outcome)| {
            let reason = outcome.reason.filter(|reason| is_senders_fault(*reason))?;
            Some(RefusedStatement {
                index,
                reason: reason.name(),
                detail: outcome.detail.clone(),
            })
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(HttpError::StatementsRefused { count, refused })
}

/// Whether the statement itself is wrong. The other refusals are kept the same, but a sender that is told of them can do nothing
/// but send the statement for ever.
fn is_senders_fault(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::Late | Reason::BeyondRetention | Reason::Poison
    )
}
