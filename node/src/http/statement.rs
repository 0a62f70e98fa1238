//! Statements of a body, each with the id by which it is answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

/// One statement.
#[derive(Debug)]
pub(super) struct Statement {
    /// `None` where none can be made out; the intake refuses such a statement.
    pub id: Option<String>,
    /// As it came, byte for byte, unless it had no id.
    pub bytes: Bytes,
}

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// The statements of a body: the elements of an array, else the one value that it is.
///
/// # Errors
/// When the body is no JSON.
pub(super) fn split(body: &Bytes) -> serde_json::Result<Vec<Statement>> {
    let values: Vec<&RawValue> = if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(body)?
    } else {
        vec![serde_json::from_slice(body)?]
    };
    Ok(values
        .into_iter()
        .map(|value| identify(value.get(), body))
        .collect())
}

fn identify(statement: &str, body: &Bytes) -> Statement {
    let as_it_came = |id| Statement {
        id,
        bytes: body.slice_ref(statement.as_bytes()),
    };
    // Derived structs take arrays too; a statement is an object.
    let parsed = serde_json::from_str::<Identified<'_>>(statement);
    let (true, Ok(Identified { id })) = (statement.starts_with('{'), parsed) else {
        return as_it_came(None);
    };
    let id = id.map_or(Ok(String::new()), |id| serde_json::from_str(id.get()));
    match id {
        Ok(id) if id.is_empty() => with_derived_id(statement).unwrap_or_else(|_| as_it_came(None)),
        Ok(id) => as_it_came(Some(id)),
        Err(_not_a_text) => as_it_came(None),
    }
}

/// The id is given here, before the statement is published, so that the one answered is the one stored. It is derived from the
/// statement: a sender that tries again after it got no answer sends the same event.
fn with_derived_id(statement: &str) -> serde_json::Result<Statement> {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, statement.as_bytes()).to_string();
    let raw_id = to_raw_value(&id)?;
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(statement)?;
    fields.insert("id".to_owned(), &raw_id);
    let bytes = serde_json::to_vec(&fields)?.into();
    Ok(Statement {
        id: Some(id),
        bytes,
    })
}
