//! Native JSON events: one object with the fields of the contract.

mod fields;

use std::borrow::Cow;

use homeroom_core::{Event, PayloadFormat, Reason, Refusal};

use super::{
    context::DeliveryContext,
    delivery::Delivery,
    draft::Draft,
    fault::{Fault, shortened},
    members::Members,
    metadata::Metadata,
    quantity::Quantity,
    text::{BadEscape, depth, is_number, is_object, is_string, plain, unquoted},
    timestamp::Stamp,
};

use fields::{Field, Fields};

/// Upper bound of the nesting depth of a metadata value. Most JSON readers allow a depth of 128 for
/// a whole text, and must be able to read the metadata.
const DEPTH_MAX: usize = 125;

/// Reads one native JSON event.
///
/// A `null` or an empty string counts as absent. Of a repeated field the last one counts; of a time
/// in both ms and seconds, the ms. An unknown member is put into the metadata and replaces an entry
/// of the same name there.
///
/// # Errors
/// When the event is refused, with the reason.
pub fn decode_native<'p>(
    payload: &'p [u8],
    context: &DeliveryContext<'_>,
) -> Result<Event<'p>, Refusal<'p>> {
    let delivery = Delivery {
        format: PayloadFormat::NativeJson,
        bytes: payload,
    };
    match Fields::read(payload) {
        Ok(fields) => {
            let mut reader = Reader {
                fields,
                fault: None,
            };
            let draft = reader.draft();
            draft.admit(reader.fault, delivery, context)
        }
        Err(fault) => Draft::default().admit(Some(fault), delivery, context),
    }
}

/// Reads all fields even after a fault, so that the refusal names the sender where possible.
struct Reader<'p> {
    fields: Fields<'p>,
    /// The first fault. Text that is not JSON takes precedence over a wrong type.
    fault: Option<Fault>,
}

impl<'p> Reader<'p> {
    fn draft(&mut self) -> Draft<'p> {
        Draft {
            event_id: self.text(Field::EventId),
            user_id: self.text(Field::UserId),
            session_id: self.text(Field::SessionId),
            course_id: self.text(Field::CourseId),
            stamp: self.stamp(),
            event_type: self.text(Field::EventType),
            source: self.text(Field::Source),
            object_id: self.text(Field::ObjectId),
            attempt_id: self.text(Field::AttemptId),
            producer_sequence: self.number(Field::ProducerSequence).map(Quantity::integer),
            score: self.float(Field::Score),
            max_score: self.float(Field::MaxScore),
            success: self.truth(Field::Success),
            skill_id: self.text(Field::SkillId),
            duration_ms: self.number(Field::DurationMs).map(Quantity::ms),
            watched_ms: self.time(Field::WatchedMs, Field::WatchedS),
            length_ms: self.number(Field::LengthMs).map(Quantity::ms),
            position_ms: self.time(Field::PositionMs, Field::PositionS),
            metadata: self.metadata(),
        }
    }

    fn text(&mut self, field: Field) -> Option<Cow<'p, str>> {
        let json = self.fields.get(field)?;
        if !is_string(json) {
            return self.wrong_type(field, "a string", json);
        }
        let text = unquoted(json);
        self.readable(field.label(), json, text)
            .filter(|text| !text.is_empty())
    }

    fn stamp(&mut self) -> Stamp<'p> {
        match self.fields.get(Field::Timestamp) {
            None => Stamp::Absent,
            Some(json) if is_string(json) => {
                let text = unquoted(json);
                let text = self.readable(Field::Timestamp.label(), json, text);
                text.map_or(Stamp::Absent, Stamp::from_rfc3339)
            }
            Some(json) => Stamp::Unreadable(Cow::Borrowed(json)),
        }
    }

    fn number(&mut self, field: Field) -> Option<&'p str> {
        let json = self.fields.get(field)?;
        if is_number(json) {
            Some(json)
        } else {
            self.wrong_type(field, "a number", json)
        }
    }

    fn float(&mut self, field: Field) -> Option<f64> {
        // A number out of range parses as infinite, which the checks refuse.
        self.number(field)?.parse().ok()
    }

    fn time(&mut self, in_ms: Field, in_seconds: Field) -> Option<Quantity<'p>> {
        let seconds = self.number(in_seconds).map(Quantity::seconds);
        self.number(in_ms).map(Quantity::ms).or(seconds)
    }

    fn truth(&mut self, field: Field) -> Option<bool> {
        match self.fields.get(field)? {
            "true" => Some(true),
            "false" => Some(false),
            json => self.wrong_type(field, "true or false", json),
        }
    }

    fn metadata(&mut self) -> Metadata<'p> {
        let mut metadata = Metadata::default();
        let field = Field::Metadata;
        let mut members = match self.fields.get(field) {
            Some(json) if is_object(json) => serde_json::from_str(json)
                .map(|Members(members)| members)
                .unwrap_or_default(),
            Some(json) => self
                .wrong_type(field, "an object", json)
                .unwrap_or_default(),
            None => Vec::new(),
        };
        members.append(&mut self.fields.unknown);
        for (name, json) in members {
            if depth(json) > DEPTH_MAX {
                let detail = format!("{} is nested too deep", shortened(&name));
                self.fault = Some(Fault::new(Reason::Malformed, detail));
                break;
            }
            let text = plain(json);
            if let Some(text) = self.readable(&name, json, text) {
                metadata.push(name, text);
            }
        }
        metadata
    }

    fn wrong_type<T>(&mut self, field: Field, expected: &str, json: &str) -> Option<T> {
        self.fault
            .get_or_insert_with(|| Fault::wrong_type(field.label(), expected, json));
        None
    }

    fn readable<T>(&mut self, name: &str, json: &str, text: Result<T, BadEscape>) -> Option<T> {
        if text.is_err() {
            let detail = format!(
                "no JSON: broken escape in {}: {}",
                shortened(name),
                shortened(json)
            );
            self.fault = Some(Fault::new(Reason::Malformed, detail));
        }
        text.ok()
    }
}
