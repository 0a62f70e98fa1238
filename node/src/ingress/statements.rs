//! Requests of statements that are taken whole or not at all, as the standard has it.

use std::{borrow::Cow, collections::HashSet};

use bytes::Bytes;
use homeroom_core::{Event, Reason, Refusal};

use super::{
    Admission, Arrival, Intake, IntakeError, NamedReceipt,
    delivery::Delivery,
    fault::{Fault, Sender},
    xapi::{decode_standard_xapi, id_of, is_sound_but_useless},
};
use crate::route::Urgency;

/// A statement of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedStatement {
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

impl<'p> Sound<'p> {
    /// By which it is told from the others of its request.
    fn id(&self, payload: &'p [u8]) -> Option<Cow<'p, str>> {
        match &self.decoded {
            Ok(event) => Some(event.event_id.clone()),
            Err(_) => id_of(payload),
        }
    }

    /// Its refusal, when another of its request has the same id.
    fn standing_twice(self, id: &str, payload: &'p [u8], arrival: &Arrival<'_>) -> Refusal<'p> {
        let (source, user_id) = match self.decoded {
            Ok(event) => (event.source, Some(event.user_id)),
            Err(refusal) => (refusal.source, refusal.user_id),
        };
        let sender = Sender {
            source: Some(source),
            user_id,
        };
        let detail = format!("the id {id} stands twice in the request");
        let delivery = Delivery::StandardXapiJson(payload);
        Fault::new(Reason::Malformed, detail).refuse(delivery, sender, arrival)
    }
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
        statements: &[PostedStatement],
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

/// A statement that keeps to the standard, be there something to count in it or not.
fn decode_sound<'p>(
    payload: &'p [u8],
    source: &'p str,
    arrival: &Arrival<'_>,
) -> Result<Sound<'p>, Refusal<'p>> {
    match decode_standard_xapi(payload, source, arrival) {
        Ok((event, is_timed)) => Ok(Sound {
            decoded: Ok(event),
            is_timed,
        }),
        Err(refusal) if is_sound_but_useless(&refusal, payload) => Ok(Sound {
            decoded: Err(refusal),
            is_timed: true,
        }),
        Err(refusal) => Err(refusal),
    }
}

/// Admits all statements when each of them is sound, else those that are not.
fn judge(admission: &mut Admission<'_>, statements: &[PostedStatement], source: &str) -> Judged {
    let arrival = admission.arrival();
    let mut seen = HashSet::new();
    let decoded: Vec<Result<Sound<'_>, Refusal<'_>>> = statements
        .iter()
        .map(|posted| {
            let sound = decode_sound(&posted.bytes, source, &arrival)?;
            if posted.is_id_derived {
                return Ok(sound);
            }
            match sound.id(&posted.bytes) {
                Some(id) if !seen.insert(id.to_ascii_lowercase()) => {
                    Err(sound.standing_twice(&id, &posted.bytes, &arrival))
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
