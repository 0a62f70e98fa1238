//! `POST` and `PUT` of statements. A request is accepted as a whole or not at all.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ingress::{JsonIntake, PostedStatement, Receipt, RefusedStatement, StatementsReceipt};
use crate::observe::metrics::Transport;

use super::super::body::ReceivedBody;
use super::super::content::check_statements;
use super::super::error::HttpError;
use super::super::openapi::{BodyErrors, BodyParams, StatementsBody, XapiParams};
use super::super::position::with_position;
use super::super::split::{SplitError, values};
use super::super::state::HttpState;
use super::credential::source;
use super::statement::{is_uuid, statement_of};
use super::version;

/// Upper bound of statements per body. Small statements take more memory than their bytes.
pub(in super::super) const STATEMENTS_MAX: usize = 10_000;
const CONFLICT: &str = "this id is known with other content, which stays as it is";

/// The parameters of the two methods. Others are ignored.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    #[serde(rename = "statementId")]
    statement_id: Option<String>,
    /// Marks the alternate request syntax for old browsers, which puts all parts into a form.
    method: Option<String>,
}

/// Publishes one statement or an array, and answers with the ids once they are durable and applied.
#[utoipa::path(
    post,
    path = "/statements",
    operation_id = "postStatements",
    params(XapiParams, BodyParams),
    security((), ("source" = [])),
    request_body = StatementsBody,
    responses(
        (
            status = 200,
            description = "The ids of the statements, in their order.",
            body = [String],
            headers(("Homeroom-Position" = String, description = "Where they are applied.")),
        ),
        BodyErrors,
    ),
)]
pub(super) async fn post<I: JsonIntake>(
    State(state): State<Arc<HttpState<I>>>,
    request: Request<Body>,
) -> Result<Response, HttpError> {
    if let Err(error) = check_post(&request) {
        return Err(state.bodies.refuse(request, error).await);
    }
    let received = Received::of(&state, request).await?;
    let body = &received.body.bytes;
    let split = values(body, STATEMENTS_MAX).map(|values| {
        let statement = |value| statement_of(value, body, None);
        values.into_iter().map(statement).collect()
    });
    let (statements, receipt) = received.publish(&state, split).await?;
    let ids: Vec<_> = statements.into_iter().map(|posted| posted.id).collect();
    let json = serde_json::to_vec(&ids).map_err(|_| HttpError::Internal("ids"))?;
    let response = ([(CONTENT_TYPE, "application/json")], json).into_response();
    Ok(with_position(response, &receipt.position))
}

/// Publishes one statement under the id in the query.
#[utoipa::path(
    put,
    path = "/statements",
    operation_id = "putStatement",
    params(
        XapiParams,
        BodyParams,
        ("statementId" = String, Query, format = "uuid", description = "The statement's id."),
    ),
    security((), ("source" = [])),
    request_body = StatementsBody,
    responses(
        (
            status = 204,
            description = "The statement is taken.",
            headers(("Homeroom-Position" = String, description = "Where it is applied.")),
        ),
        BodyErrors,
    ),
)]
pub(super) async fn put<I: JsonIntake>(
    State(state): State<Arc<HttpState<I>>>,
    request: Request<Body>,
) -> Result<Response, HttpError> {
    let id = match check_put(&request) {
        Ok(id) => id,
        Err(error) => return Err(state.bodies.refuse(request, error).await),
    };
    let received = Received::of(&state, request).await?;
    let body = &received.body.bytes;
    let statement = serde_json::from_slice::<&RawValue>(body)
        .map(|value| statement_of(value, body, Some(&id)))
        .map_err(SplitError::NotJson);
    if let Ok(PostedStatement { id: Some(own), .. }) = &statement
        && !own.eq_ignore_ascii_case(&id)
    {
        let words = "statementId must be the statement's own id";
        return Err(HttpError::BadStatementId(words));
    }
    let one = statement.map(|statement| vec![statement]);
    let (_, receipt) = received.publish(&state, one).await?;
    let response = StatusCode::NO_CONTENT.into_response();
    Ok(with_position(response, &receipt.position))
}

fn check_post(request: &Request<Body>) -> Result<(), HttpError> {
    version::check(request.headers())?;
    if parameters(request.uri())?.method.is_some() {
        return Err(HttpError::AlternateSyntax);
    }
    Ok(())
}

/// The id in the query of a `PUT`.
fn check_put(request: &Request<Body>) -> Result<String, HttpError> {
    version::check(request.headers())?;
    let id = parameters(request.uri())?.statement_id;
    let id = id.ok_or(HttpError::BadStatementId("PUT needs ?statementId="))?;
    if is_uuid(&id) {
        Ok(id)
    } else {
        Err(HttpError::BadStatementId("statementId must be a UUID"))
    }
}

fn parameters(uri: &Uri) -> Result<Parameters, HttpError> {
    Query::try_from_uri(uri)
        .map(|Query(parameters)| parameters)
        .map_err(|_| HttpError::BadQuery)
}

/// A request's body and its source.
struct Received {
    body: ReceivedBody,
    source: String,
}

impl Received {
    async fn of<I: JsonIntake>(
        state: &HttpState<I>,
        request: Request<Body>,
    ) -> Result<Self, HttpError> {
        let headers = request.headers();
        let source = match check_statements(headers).and_then(|()| source(headers)) {
            Ok(source) => source,
            Err(error) => return Err(state.bodies.refuse(request, error).await),
        };
        state.metrics.ingest.requests(Transport::Http).increment(1);
        let body = state.bodies.receive(request).await?;
        Ok(Self { body, source })
    }

    /// Publishes the statements of the body, and returns them with their outcomes. A body that is
    /// not JSON is kept whole as a dead letter.
    async fn publish<I: JsonIntake>(
        &self,
        state: &HttpState<I>,
        statements: Result<Vec<PostedStatement>, SplitError>,
    ) -> Result<(Vec<PostedStatement>, Receipt), HttpError> {
        let statements = match statements {
            Ok(statements) => statements,
            Err(error) => {
                if let SplitError::NotJson(_) = error {
                    let whole = [PostedStatement {
                        id: None,
                        bytes: self.body.bytes.clone(),
                        is_id_derived: false,
                    }];
                    let intake = state.intake.service()?;
                    let kept = intake.publish_statements(&whole, &self.source).await?;
                    refuse_partial(&kept.taken)?;
                }
                return Err(error.into_http());
            }
        };
        if statements.is_empty() {
            return Ok((Vec::new(), Receipt::default()));
        }
        let intake = state.intake.service()?;
        let receipt = intake.publish_statements(&statements, &self.source);
        let taken = check(&statements, receipt.await?)?;
        Ok((statements, taken))
    }
}

/// Turns refusals and conflicts into errors. A statement that only the shard refuses (late, beyond
/// the retention) is kept as a dead letter and is no error here: the sender could only send it
/// again for ever.
fn check(statements: &[PostedStatement], receipt: StatementsReceipt) -> Result<Receipt, HttpError> {
    let StatementsReceipt { refused, taken } = receipt;
    refuse_partial(&taken)?;
    if !refused.is_empty() {
        let count = statements.len();
        return Err(HttpError::StatementsRefused { count, refused });
    }
    let outcomes = taken.outcomes.iter().zip(statements).enumerate();
    let conflicts: Vec<RefusedStatement> = outcomes
        .filter(|(_, (outcome, _))| outcome.conflicting)
        .map(|(index, (_, posted))| RefusedStatement {
            index,
            id: posted.id.clone(),
            reason: "conflicting",
            detail: CONFLICT.to_owned(),
        })
        .collect();
    if conflicts.is_empty() {
        return Ok(taken);
    }
    Err(HttpError::Conflict {
        conflicts,
        position: taken.position,
    })
}

fn refuse_partial(receipt: &Receipt) -> Result<(), HttpError> {
    if !receipt.is_partial() {
        return Ok(());
    }
    let position = receipt.position.clone();
    Err(match receipt.is_in_doubt() {
        true => HttpError::OutcomeUnknown { position },
        false => HttpError::Partial { position },
    })
}
