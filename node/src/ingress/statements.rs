//! Requests of statements that are taken whole or not at all, as the standard has it.

use std::collections::HashSet;

use bytes::Bytes;
use homeroom_core::{Event, Reason, Refusal};

use super::{
    Admission, Intake, IntakeError, NamedReceipt,
    delivery::Delivery,
    fault::{Fault, Sender},
    xapi::{decode_standard_xapi, is_sound_but_useless},
};
use crate::route::Urgency;

/// What became of a request of statements.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementsReceipt {
    /// What is wrong with which. When there is any, these alone were taken, as dead letters; of the others nothing is stored or
    /// counted.
    pub refused: Vec<RefusedStatement>,
    /// Of what was taken.
    pub taken: NamedReceipt,
}

/// A statement that must be put right before its request can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedStatement {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Why.
    pub reason: Reason,
    /// Which field, what was wrong.
    pub detail: String,
}

/// A statement that keeps to the standard.
struct Sound<'p> {
    /// Refused when there is nothing in it to count: a dead letter, and no reason to refuse the others.
    decoded: Result<Event<'p>, Refusal<'p>>,
    /// Whether it says itself when it happened.
    is_timed: bool,
}

/// What is known of a request's statements before any of them is handed over.
struct Judged {
    refused: Vec<RefusedStatement>,
    event_ids: Vec<String>,
    /// Whether each says itself when it happened.
    is_timed: Vec<bool>,
}

impl Intake {
    /// Takes statements, each as it came; answers when what was taken is durable and applied.
    ///
    /// A statement that is known with other content is reported as conflicting only when it has a time of its own: one that has
    /// none gets the time of its arrival, which is another each time.
    ///
    /// # Errors
    /// When there are too many or too much is under way. Nothing of the request is stored then.
    pub async fn take_statements(
        &self,
        listener: &str,
        statements: &[Bytes],
        source: &str,
    ) -> Result<StatementsReceipt, IntakeError> {
        let admit = |admission: &mut Admission<'_>| Ok(judge(admission, statements, source));
        let (taken, judged) = self
            .admit(listener, statements.len(), Urgency::Refuse, admit)
            .await?;
        let mut receipt = taken.receipt().await;
        let Judged {
            refused,
            event_ids,
            is_timed,
        } = judged;
        for (outcome, is_timed) in receipt.outcomes.iter_mut().zip(is_timed) {
            outcome.conflicting &= is_timed;
        }
        Ok(StatementsReceipt {
            refused,
            taken: NamedReceipt { event_ids, receipt },
        })
    }
}

/// Admits all statements when each of them is sound, else those that are not.
fn judge(admission: &mut Admission<'_>, statements: &[Bytes], source: &str) -> Judged {
    let arrival = admission.arrival();
    let mut seen = HashSet::new();
    let decoded: Vec<Result<Sound<'_>, Refusal<'_>>> = statements
        .iter()
        .map(|statement| {
            let (event, is_timed) = match decode_standard_xapi(statement, source, &arrival) {
                Ok(decoded) => decoded,
                Err(refusal) if is_sound_but_useless(&refusal, statement) => {
                    let decoded = Err(refusal);
                    return Ok(Sound {
                        decoded,
                        is_timed: true,
                    });
                }
                Err(refusal) => return Err(refusal),
            };
            if seen.insert(event.event_id.to_ascii_lowercase()) {
                let decoded = Ok(event);
                return Ok(Sound { decoded, is_timed });
            }
            let detail = format!("the id {} stands twice in the request", event.event_id);
            let sender = Sender {
                source: Some(event.source),
                user_id: Some(event.user_id),
            };
            Err(Fault::new(Reason::Malformed, detail).refuse(
                Delivery::StandardXapiJson(statement),
                sender,
                &arrival,
            ))
        })
        .collect();
    let is_sound = decoded.iter().all(Result::is_ok);
    let mut judged = Judged {
        refused: Vec::new(),
        event_ids: Vec::new(),
        is_timed: Vec::new(),
    };
    for (index, decoded) in decoded.into_iter().enumerate() {
        match decoded {
            Ok(Sound { decoded, is_timed }) if is_sound => {
                let id = decoded.as_ref().map(|event| event.event_id.to_string());
                judged.event_ids.push(id.unwrap_or_default());
                judged.is_timed.push(is_timed);
                admission.delivery(decoded);
            }
            Ok(_) => {}
            Err(refusal) => {
                judged.refused.push(RefusedStatement {
                    index,
                    reason: refusal.reason,
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
