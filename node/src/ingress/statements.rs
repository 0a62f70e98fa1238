//! Decides on requests of statements, which the standard accepts as a whole or not at all.

use std::collections::HashSet;

use bytes::Bytes;
use homeroom_core::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    decode::{SoundStatement, decode_sound},
    intake::{Admission, Receipt},
};

/// A statement of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedStatement {
    /// The id in the answer, where one can be read.
    pub id: Option<String>,
    /// The JSON text of the statement.
    pub bytes: Bytes,
    /// Whether the id is derived from the bytes. Equal statements are then one statement sent
    /// twice, not a repeated id.
    pub is_id_derived: bool,
}

/// The answer to a request of statements.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementsReceipt {
    /// The refused statements. When there is one, only these are stored, as dead letters; the
    /// others are neither stored nor counted.
    pub refused: Vec<RefusedStatement>,
    /// The outcomes of what was stored.
    pub taken: Receipt,
}

/// A statement that must be corrected before its request is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedStatement {
    /// The index in the request, from 0.
    pub index: usize,
    /// See [`PostedStatement::id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name of the reason.
    pub reason: &'static str,
    /// The field and what is wrong with it.
    pub detail: String,
}

/// The decision on a request's statements, before any is handed over.
pub(super) struct Judged {
    pub refused: Vec<RefusedStatement>,
    pub event_ids: Vec<String>,
    /// Whether each has a time of its own.
    pub is_timed: Vec<bool>,
}

/// Admits all statements if each is valid, or else only the invalid ones.
pub(super) fn judge(
    admission: &mut Admission<'_>,
    statements: &[PostedStatement],
    source: &str,
) -> Judged {
    let context = admission.context();
    let mut seen = HashSet::new();
    let decoded: Vec<Result<SoundStatement<'_>, Refusal<'_>>> = statements
        .iter()
        .map(|posted| {
            let sound = decode_sound(&posted.bytes, source, &context)?;
            if posted.is_id_derived {
                return Ok(sound);
            }
            match sound.id(&posted.bytes) {
                Some(id) if !seen.insert(id.to_ascii_lowercase()) => {
                    Err(sound.refuse_repeated(&id, &posted.bytes, &context))
                }
                _ => Ok(sound),
            }
        })
        .collect();
    let is_sound = decoded.iter().all(Result::is_ok);
    let mut judged = Judged {
        refused: Vec::new(),
        event_ids: Vec::new(),
        is_timed: Vec::new(),
    };
    for (index, (decoded, posted)) in decoded.into_iter().zip(statements).enumerate() {
        match decoded {
            Ok(SoundStatement { decoded, is_timed }) if is_sound => {
                let id = decoded.as_ref().map(|event| event.event_id.to_string());
                judged.event_ids.push(id.unwrap_or_default());
                judged.is_timed.push(is_timed);
                admission.delivery(decoded);
            }
            Ok(_) => {}
            Err(refusal) => {
                judged.refused.push(RefusedStatement {
                    index,
                    id: posted.id.clone(),
                    reason: refusal.reason.name(),
                    detail: refusal.detail.to_string(),
                });
                judged.event_ids.push(String::new());
                judged.is_timed.push(true);
                admission.delivery(Err(refusal));
            }
        }
    }
    judged
}
