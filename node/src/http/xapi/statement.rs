//! From the JSON values of a body to statements with ids.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::ingress::PostedStatement;

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// The statement of a JSON value. A statement without an id gets `id`, or else an id derived from
/// its bytes, so that a retry is the same event. Its id is `None` when it can't be read; the intake
/// refuses such a statement.
pub(super) fn statement_of(value: &RawValue, body: &Bytes, id: Option<&str>) -> PostedStatement {
    let statement = value.get();
    let as_it_came = |id| PostedStatement {
        id,
        bytes: body.slice_ref(statement.as_bytes()),
        is_id_derived: false,
    };
    // A derived struct also accepts an array; a statement must be an object.
    let parsed = serde_json::from_str::<Identified<'_>>(statement);
    let (true, Ok(Identified { id: own })) = (statement.starts_with('{'), parsed) else {
        return as_it_came(None);
    };
    let own = own.map_or(Ok(String::new()), |own| serde_json::from_str(own.get()));
    match own {
        Ok(own) if own.is_empty() => with_id(statement, id).unwrap_or_else(|_| as_it_came(None)),
        Ok(own) => as_it_came(Some(own)),
        Err(_not_a_text) => as_it_came(None),
    }
}

/// Whether a text is a UUID in its usual form.
pub(super) fn is_uuid(text: &str) -> bool {
    let hyphenated = Uuid::try_parse(text).map(|uuid| uuid.hyphenated().to_string());
    hyphenated.is_ok_and(|hyphenated| hyphenated.eq_ignore_ascii_case(text))
}

fn derived_id(statement: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, statement.as_bytes()).to_string()
}

/// Adds the id before the statement is published, so that the answered id is the stored one.
fn with_id(statement: &str, id: Option<&str>) -> serde_json::Result<PostedStatement> {
    let is_id_derived = id.is_none();
    let id = id.map_or_else(|| derived_id(statement), str::to_owned);
    let raw_id = to_raw_value(&id)?;
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(statement)?;
    fields.insert("id".to_owned(), &raw_id);
    let bytes = serde_json::to_vec(&fields)?.into();
    Ok(PostedStatement {
        id: Some(id),
        bytes,
        is_id_derived,
    })
}
