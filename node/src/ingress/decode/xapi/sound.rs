//! Valid statements, whether or not they have anything to count.

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

/// A statement that is valid by the standard.
pub struct SoundStatement<'p> {
    /// A refusal when the statement has nothing to count, such as a score below 0. It becomes a
    /// dead letter, but the request's other statements are accepted.
    pub decoded: Result<Event<'p>, Refusal<'p>>,
    /// Whether it has a time of its own.
    pub is_timed: bool,
}

impl<'p> SoundStatement<'p> {
    /// The id. It must be unique in the request.
    pub fn id(&self, payload: &'p [u8]) -> Option<Cow<'p, str>> {
        match &self.decoded {
            Ok(event) => Some(event.event_id.clone()),
            Err(_) => read(payload).ok()?.id.filled(),
        }
    }

    /// The refusal of a statement whose id occurs twice in the request.
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

/// Reads one statement as [`decode_standard_xapi`] does. A statement that only has nothing to count
/// is valid here.
///
/// # Errors
/// When the statement is not valid by the standard.
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
