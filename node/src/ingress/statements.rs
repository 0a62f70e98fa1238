//! Requests of statements that are taken whole or not at all, as the standard has it.

use std::collections::HashSet;

use bytes::Bytes;
use homeroom_core::Refusal;
use serde::Serialize;

use super::{
    decode::{SoundStatement, decode_sound},
    intake::{Admission, Receipt},
};

/// A statement of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedStatement {
    /// The id by which it is answered, where one can be made out.
    pub id: Option<String>,
    /// The statement.
    pub bytes: Bytes,
    /// Whether its id is not its sender's, but derived from it: equal ones are one statement then, sent twice.
    pub is_id_derived: bool,
}

/// What became of a request of statements.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementsReceipt {
    /// What is wrong with which. When there is any, these alone were taken, as dead letters; of the others nothing is stored or
    /// counted.
    pub refused: Vec<RefusedStatement>,
    /// Of what was taken.
    pub taken: Receipt,
}

/// A statement that must be put right before its request can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedStatement {
    /// Its place in the request, from 0.
    pub index: usize,
    /// See [`PostedStatement::id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why, by name.
    pub reason: &'static str,
    /// Which field, what was wrong.
    pub detail: String,
}

/// What is known of a request's statements before any of them is handed over.
pub(super) struct Judged {
    pub refused: Vec<RefusedStatement>,
    pub event_ids: Vec<String>,
    /// Whether each says itself when it happened.
    pub is_timed: Vec<bool>,
}

/// Admits all statements when each of them is sound, else those that are not.
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
