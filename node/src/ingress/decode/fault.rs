//! What is wrong with a delivery, and the refusal made of it.

use std::borrow::Cow;

use homeroom_core::{Reason, Refusal};
use serde::de::IgnoredAny;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    context::DeliveryContext,
    delivery::{Delivery, cut},
    limits::{EVENT_BYTES_MAX, NAME_BYTES_MAX},
};

/// Upper bound of the part of a wrong value in a message, characters.
const SHOWN_CHARS_MAX: usize = 64;
/// Upper bound of a detail, bytes. Messages of parsers can be longer.
const DETAIL_BYTES_MAX: usize = 512;

/// Why a delivery is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub reason: Reason,
    pub detail: Cow<'static, str>,
}

/// The sender of a refused delivery, as far as it could be read.
#[derive(Default)]
pub(super) struct Sender<'p> {
    pub source: Option<Cow<'p, str>>,
    pub user_id: Option<Cow<'p, str>>,
}

impl Fault {
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }

    /// A field of the wrong type. `found` is its JSON text.
    pub fn wrong_type(field: &str, expected: &str, found: &str) -> Self {
        let found = shortened(found);
        Self::new(
            Reason::SchemaMismatch,
            format!("{field} must be {expected}, not {found}"),
        )
    }

    pub fn out_of_range(field: &str, bounds: &str, found: &str) -> Self {
        let found = shortened(found);
        Self::new(
            Reason::ValueOutOfRange,
            format!("{field} must be {bounds}, not {found}"),
        )
    }

    /// The parser's error for text that is not JSON.
    pub fn malformed(error: &serde_json::Error) -> Self {
        Self::new(Reason::Malformed, format!("no JSON: {error}"))
    }

    pub fn oversized(bytes: usize) -> Self {
        let detail = format!("{bytes} bytes, at most {EVENT_BYTES_MAX} are taken");
        Self::new(Reason::Oversized, detail)
    }

    pub fn refuse<'p>(
        self,
        delivery: Delivery<'p>,
        sender: Sender<'p>,
        context: &DeliveryContext<'_>,
    ) -> Refusal<'p> {
        let payload = delivery.bytes;
        let short = |name: &Cow<'_, str>| (1..=NAME_BYTES_MAX).contains(&name.len());
        let listener = || Cow::Owned(format!("listener:{}", context.listener));
        Refusal {
            source: sender.source.filter(short).unwrap_or_else(listener),
            reason: self.reason,
            detail: bounded(self.detail),
            user_id: sender.user_id.filter(short),
            format: delivery.format,
            payload_hash: xxh3_64(payload),
            payload: cut(payload).into(),
        }
    }
}

fn bounded(detail: Cow<'static, str>) -> Cow<'static, str> {
    if detail.len() <= DETAIL_BYTES_MAX {
        return detail;
    }
    let end = (0..=DETAIL_BYTES_MAX)
        .rev()
        .find(|&end| detail.is_char_boundary(end));
    Cow::Owned(format!("{}…", &detail[..end.unwrap_or_default()]))
}

/// The beginning of a value, as a message shows it.
pub(super) fn shortened(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(SHOWN_CHARS_MAX) {
        None => Cow::Borrowed(value),
        Some((end, _)) => Cow::Owned(format!("{}…", &value[..end])),
    }
}

/// The payload as UTF-8 text.
pub(super) fn utf8(payload: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(payload)
        .map_err(|error| Fault::new(Reason::Malformed, format!("no JSON: {error}")))
}

/// The fault of text that is not an event: not JSON, or JSON of another shape.
pub(super) fn no_object(text: &str, error: &serde_json::Error) -> Fault {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Fault::malformed(&error);
    }
    if error.is_data() {
        Fault::wrong_type("an event", "a JSON object", text.trim_ascii())
    } else {
        Fault::malformed(error)
    }
}
