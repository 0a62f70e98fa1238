//! Statements that keep to the standard, whether or not they have anything to count.

use std::borrow::Cow;

use homeroom_core::{Event, PayloadFormat, Reason, Refusal};

use super::{
    super::{
        context::DeliveryContext,
        delivery::Delivery,
        fault::{Fault, Sender},
    },
    decode::{decode_standard_xapi, read},
    standard,
};

/// A statement that keeps to the standard.
pub struct SoundStatement<'p> {
    /// Refused when it has nothing to count (an essay's `answered` without a result): a dead letter, and no reason to refuse the
    /// request's other statements.
    pub decoded: Result<Event<'p>, Refusal<'p>>,
    /// Whether it has a time of its own.
    pub is_timed: bool,
}

impl<'p> SoundStatement<'p> {
    /// Its id, unique in its request.
    pub fn id(&self, payload: &'p [u8]) -> Option<Cow<'p, str>> {
        match &self.decoded {
            Ok(event) => Some(event.event_id.clone()),
            Err(_) => read(payload).ok()?.id.filled(),
        }
    }

    /// Its refusal, when another statement of the request has the same id.
    pub fn refuse_repeated(
        self,
        id: &str,
        payload: &'p [u8],
        context: &DeliveryContext<'_>,
    ) -> Refusal<'p> {
        let (source, user_id) = match self.decoded {
            Ok(event) => (event.source, Some(event.user_id)),
            Err(refusal) => (refusal.source, refusal.user_id),
        };
        let sender = Sender {
            source: Some(source),
            user_id,
        };
        let detail = format!("the id {id} stands twice in the request");
        let delivery = Delivery {
            format: PayloadFormat::StandardXapiJson,
            bytes: payload,
        };
        Fault::new(Reason::Malformed, detail).refuse(delivery, sender, context)
    }
}

/// Reads one statement as [`decode_standard_xapi`] does, but takes one that only lacks something to count for sound.
///
/// # Errors
/// When the statement does not keep to the standard.
pub fn decode_sound<'p>(
    payload: &'p [u8],
    source: &'p str,
    context: &DeliveryContext<'_>,
) -> Result<SoundStatement<'p>, Refusal<'p>> {
    match decode_standard_xapi(payload, source, context) {
        Ok((event, is_timed)) => Ok(SoundStatement {
            decoded: Ok(event),
            is_timed,
        }),
        Err(refusal) if is_sound(&refusal, payload) => Ok(SoundStatement {
            decoded: Err(refusal),
            is_timed: true,
        }),
        Err(refusal) => Err(refusal),
    }
}

fn is_sound(refusal: &Refusal<'_>, payload: &[u8]) -> bool {
    matches!(
        refusal.reason,
        Reason::MissingField | Reason::ValueOutOfRange
    ) && standard::check(payload).is_ok()
}
