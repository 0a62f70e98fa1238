//! Reads a protobuf `Event` without copying its texts.

use std::{borrow::Cow, fmt};

use homeroom_core::Reason;
use prost::{
    DecodeError,
    encoding::{self, DecodeContext, WireType, check_wire_type, decode_key, decode_varint},
};
use prost_types::Timestamp;

use super::super::{draft::Draft, fault::Fault, quantity::Quantity, timestamp::Stamp};

/// Reads an encoded message by the rules of proto3. Unknown fields are skipped, the last one of a
/// repeated scalar field counts, and the parts of a nested message are merged.
///
/// With a fault the draft has the fields that precede it, so that the refusal names the sender
/// where possible.
pub(super) fn read_event(mut message: &[u8]) -> (Draft<'_>, Option<Fault>) {
    let mut reader = Reader {
        draft: Draft::default(),
        time: None,
    };
    let fault = reader.fields(&mut message).err();
    if let Some(time) = reader.time {
        reader.draft.stamp = Stamp::from_parts(time.seconds, time.nanos);
    }
    (reader.draft, fault)
}

struct Reader<'p> {
    draft: Draft<'p>,
    time: Option<Timestamp>,
}

/// Why bytes are not a message.
enum Broken {
    /// A text that is not UTF-8.
    Text,
    /// A length beyond the message's end.
    TooShort,
    /// Anything else.
    Encoding(DecodeError),
}

impl<'p> Reader<'p> {
    fn fields(&mut self, from: &mut &'p [u8]) -> Result<(), Fault> {
        while !from.is_empty() {
            let (tag, wire_type) = decode_key(from).map_err(|error| fault(None, &error.into()))?;
            self.field(tag, wire_type, from)
                .map_err(|broken| fault(name_of(tag), &broken))?;
        }
        Ok(())
    }

    fn field(&mut self, tag: u32, wire_type: WireType, from: &mut &'p [u8]) -> Result<(), Broken> {
        let draft = &mut self.draft;
        match tag {
            1 => draft.event_id = text(wire_type, from)?,
            2 => draft.user_id = text(wire_type, from)?,
            3 => draft.session_id = text(wire_type, from)?,
            4 => draft.course_id = text(wire_type, from)?,
            5 => {
                let time = self.time.get_or_insert_default();
                encoding::message::merge(wire_type, time, from, DecodeContext::default())?;
            }
            6 => draft.event_type = text(wire_type, from)?,
            7 => draft.source = text(wire_type, from)?,
            8 => draft.object_id = text(wire_type, from)?,
            9 => draft.attempt_id = text(wire_type, from)?,
            10 => draft.producer_sequence = Some(Quantity::Valid(integer(wire_type, from)?)),
            11 => draft.score = Some(double(wire_type, from)?),
            12 => draft.max_score = Some(double(wire_type, from)?),
            13 => draft.success = Some(truth(wire_type, from)?),
            14 => draft.skill_id = text(wire_type, from)?,
            15 => draft.duration_ms = Some(Quantity::wire_ms(integer(wire_type, from)?)),
            16 => draft.watched_ms = Some(Quantity::wire_ms(integer(wire_type, from)?)),
            17 => draft.length_ms = Some(Quantity::wire_ms(integer(wire_type, from)?)),
            18 => draft.position_ms = Some(Quantity::wire_ms(integer(wire_type, from)?)),
            19 => {
                let (name, value) = entry(wire_type, from)?;
                draft.metadata.push(name, value);
            }
            _ => encoding::skip_field(wire_type, tag, from, DecodeContext::default())?,
        }
        Ok(())
    }
}

/// The name of a field in messages, or `None` for an unknown tag.
fn name_of(tag: u32) -> Option<&'static str> {
    Some(match tag {
        1 => "eventId",
        2 => "userId",
        3 => "sessionId",
        4 => "courseId",
        5 => "timestamp",
        6 => "eventType",
        7 => "source",
        8 => "objectId",
        9 => "attemptId",
        10 => "producerSequence",
        11 => "score",
        12 => "maxScore",
        13 => "success",
        14 => "skillId",
        15 => "durationMs",
        16 => "watchedMs",
        17 => "lengthMs",
        18 => "positionMs",
        19 => "metadata",
        _ => return None,
    })
}

/// `None` when empty, as in proto3.
fn text<'p>(wire_type: WireType, from: &mut &'p [u8]) -> Result<Option<Cow<'p, str>>, Broken> {
    let text = utf8(wire_type, from)?;
    Ok((!text.is_empty()).then_some(Cow::Borrowed(text)))
}

fn utf8<'p>(wire_type: WireType, from: &mut &'p [u8]) -> Result<&'p str, Broken> {
    std::str::from_utf8(bytes(wire_type, from)?).map_err(|_| Broken::Text)
}

fn bytes<'p>(wire_type: WireType, from: &mut &'p [u8]) -> Result<&'p [u8], Broken> {
    check_wire_type(WireType::LengthDelimited, wire_type)?;
    let length = usize::try_from(decode_varint(from)?).map_err(|_| Broken::TooShort)?;
    let (bytes, rest) = from.split_at_checked(length).ok_or(Broken::TooShort)?;
    *from = rest;
    Ok(bytes)
}

/// An entry of a map of texts.
fn entry<'p>(wire_type: WireType, from: &mut &'p [u8]) -> Result<(&'p str, &'p str), Broken> {
    let mut entry = bytes(wire_type, from)?;
    let (mut name, mut value) = ("", "");
    while !entry.is_empty() {
        let (tag, wire_type) = decode_key(&mut entry)?;
        match tag {
            1 => name = utf8(wire_type, &mut entry)?,
            2 => value = utf8(wire_type, &mut entry)?,
            _ => encoding::skip_field(wire_type, tag, &mut entry, DecodeContext::default())?,
        }
    }
    Ok((name, value))
}

fn integer(wire_type: WireType, from: &mut &[u8]) -> Result<u64, Broken> {
    check_wire_type(WireType::Varint, wire_type)?;
    Ok(decode_varint(from)?)
}

fn truth(wire_type: WireType, from: &mut &[u8]) -> Result<bool, Broken> {
    Ok(integer(wire_type, from)? != 0)
}

fn double(wire_type: WireType, from: &mut &[u8]) -> Result<f64, Broken> {
    check_wire_type(WireType::SixtyFourBit, wire_type)?;
    let (bytes, rest) = from.split_first_chunk().ok_or(Broken::TooShort)?;
    *from = rest;
    Ok(f64::from_le_bytes(*bytes))
}

#[cold]
fn fault(field: Option<&str>, broken: &Broken) -> Fault {
    let field = field.map(|name| format!("{name}: ")).unwrap_or_default();
    Fault::new(
        Reason::Malformed,
        format!("no message Event: {field}{broken}"),
    )
}

impl From<DecodeError> for Broken {
    fn from(error: DecodeError) -> Self {
        Self::Encoding(error)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => to.write_str("no UTF-8"),
            Self::TooShort => to.write_str("longer than the message"),
            Self::Encoding(error) => error.fmt(to),
        }
    }
}
