//! From the bytes of a statement to an event.

use std::borrow::Cow;

use homeroom_core::{ActorForm, Event, PayloadFormat, Reason, Refusal};
use serde::de::IgnoredAny;

use super::{
    super::{
        context::DeliveryContext,
        delivery::Delivery,
        draft::Draft,
        fault::{Fault, Sender, no_object, utf8},
    },
    standard,
    statement::{ActorOnly, Statement},
    translation::Translation,
    values::Map,
};

/// The source of statements without a credential.
pub const XAPI_SOURCE: &str = "xapi";

/// Reads one xAPI statement. Statements name no source, so `default_source` is given; an empty one
/// becomes [`XAPI_SOURCE`].
///
/// # Errors
/// When the event is refused, with the reason.
pub fn decode_xapi<'p>(
    payload: &'p [u8],
    default_source: &'p str,
    context: &DeliveryContext<'_>,
) -> Result<Event<'p>, Refusal<'p>> {
    let delivery = Delivery {
        format: PayloadFormat::XapiJson,
        bytes: payload,
    };
    decode(delivery, default_source, context)
}

fn decode<'p>(
    delivery: Delivery<'p>,
    default_source: &'p str,
    context: &DeliveryContext<'_>,
) -> Result<Event<'p>, Refusal<'p>> {
    let source = if default_source.is_empty() {
        XAPI_SOURCE
    } else {
        default_source
    };
    let policy = context.settings.source_policy(source);
    let form = policy.actor_form;
    let (mut draft, fault) = match read(delivery.bytes) {
        Ok(statement) => {
            if let (Some(pages), Some(page)) = (context.home_pages, statement.actor.home_page()) {
                pages.note(source, &page);
            }
            Translation {
                form,
                context,
                skill_from: policy.skill_from.as_ref(),
            }
            .draft(&statement)
        }
        Err(fault) => {
            let draft = Draft {
                user_id: actor_of_broken(delivery.bytes, form),
                ..Draft::default()
            };
            (draft, Some(fault))
        }
    };
    draft.source = Some(Cow::Borrowed(source));
    draft.admit(fault, delivery, context)
}

/// Reads one statement as [`decode_xapi`] does, and also refuses what the standard forbids. Returns
/// with the event whether the statement has a time of its own.
///
/// # Errors
/// When the event is refused, with the reason.
pub fn decode_standard_xapi<'p>(
    payload: &'p [u8],
    default_source: &'p str,
    context: &DeliveryContext<'_>,
) -> Result<(Event<'p>, bool), Refusal<'p>> {
    let delivery = Delivery {
        format: PayloadFormat::StandardXapiJson,
        bytes: payload,
    };
    let event = decode(delivery, default_source, context)?;
    match standard::check(payload) {
        Ok(kept) => Ok((event, kept.is_timed)),
        Err(fault) => {
            let sender = Sender {
                source: Some(event.source),
                user_id: Some(event.user_id),
            };
            Err(fault.refuse(delivery, sender, context))
        }
    }
}

pub(super) fn read(payload: &[u8]) -> Result<Statement<'_>, Fault> {
    let text = utf8(payload)?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Fault::wrong_type("a statement", "a JSON object", text.trim_ascii()),
            Err(error) => Fault::malformed(&error),
        });
    }
    serde_json::from_str(text)
        .map(|Map(statement)| statement)
        .map_err(|error| {
            let fault = no_object(text, &error);
            if fault.reason == Reason::Malformed {
                fault
            } else {
                located(text, fault)
            }
        })
}

/// The fault with its path in the statement. Tracking the path costs a second reading, so only
/// faulty statements are read twice.
fn located(text: &str, fault: Fault) -> Fault {
    let from = &mut serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Map<Statement<'_>>>(from) {
        Err(error) => Fault::new(Reason::SchemaMismatch, error.to_string()),
        Ok(_) => fault,
    }
}

/// The learner of a statement with a fault elsewhere.
fn actor_of_broken(payload: &[u8], form: ActorForm) -> Option<Cow<'_, str>> {
    let statement: Map<ActorOnly<'_>> = serde_json::from_slice(payload).ok()?;
    statement.actor.user_id(form)
}
