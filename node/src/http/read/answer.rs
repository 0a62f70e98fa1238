//! Builds the JSON answers of reads.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use homeroom_proto::v1;
use prost_types::FieldMask;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    super::{error::HttpError, position::with_position},
    params::to_camel_case,
};

/// An answer with its position in a header.
pub(super) fn answer<'f>(
    message: &impl Serialize,
    cluster_id: &str,
    freshness: impl IntoIterator<Item = &'f v1::Freshness>,
) -> Result<Response, HttpError> {
    let json = serde_json::to_vec(message).map_err(|_| HttpError::Internal("its JSON"))?;
    Ok(respond(StatusCode::OK, json, cluster_id, freshness))
}

/// As [`answer`], but 404 when not `found`. The body then still has the freshness.
pub(super) fn answer_if<'f>(
    found: bool,
    what: &str,
    message: &impl Serialize,
    cluster_id: &str,
    freshness: impl IntoIterator<Item = &'f v1::Freshness>,
) -> Result<Response, HttpError> {
    if found {
        answer(message, cluster_id, freshness)
    } else {
        not_found(what, message, cluster_id, freshness)
    }
}

fn not_found<'f>(
    what: &str,
    message: &impl Serialize,
    cluster_id: &str,
    freshness: impl IntoIterator<Item = &'f v1::Freshness>,
) -> Result<Response, HttpError> {
    let mut value = to_value(message)?;
    if let Some(members) = value.as_object_mut() {
        let error = json!({"code": "not_found", "message": format!("no such {what}")});
        members.insert("error".to_owned(), error);
    }
    let json = serde_json::to_vec(&value).map_err(|_| HttpError::Internal("its JSON"))?;
    Ok(respond(StatusCode::NOT_FOUND, json, cluster_id, freshness))
}

/// The JSON of an answer with a profile. Profile fields outside the mask are removed: their zeros
/// would look like values.
pub(super) fn with_fields(
    message: &impl Serialize,
    fields: Option<&FieldMask>,
) -> Result<Value, HttpError> {
    let mut value = to_value(message)?;
    let wanted: Vec<String> = fields
        .map(|mask| mask.paths.iter().map(|path| to_camel_case(path)).collect())
        .unwrap_or_default();
    if let Some(profile) = value.get_mut("profile").and_then(Value::as_object_mut)
        && !wanted.is_empty()
    {
        profile.retain(|name, _| wanted.contains(name));
    }
    Ok(value)
}

fn to_value(message: &impl Serialize) -> Result<Value, HttpError> {
    serde_json::to_value(message).map_err(|_| HttpError::Internal("its JSON"))
}

fn respond<'f>(
    status: StatusCode,
    json: Vec<u8>,
    cluster_id: &str,
    freshness: impl IntoIterator<Item = &'f v1::Freshness>,
) -> Response {
    let shards = freshness.into_iter().map(|of| v1::ShardPosition {
        shard: of.shard,
        index: of.applied_index,
        // Of the leadership in which that entry was proposed, a read knows nothing.
        ..v1::ShardPosition::default()
    });
    let position = v1::PositionToken {
        cluster_id: cluster_id.to_owned(),
        shards: shards.collect(),
    };
    let head = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    with_position((status, head, json).into_response(), &position)
}
