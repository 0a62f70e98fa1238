//! Finds the members of a native JSON event in one pass, without checking their values.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::super::{
    fault::{Fault, no_object, utf8},
    members::{Member, Name},
};

/// The fields of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    EventId,
    UserId,
    SessionId,
    CourseId,
    Timestamp,
    EventType,
    Source,
    ObjectId,
    AttemptId,
    ProducerSequence,
    Score,
    MaxScore,
    Success,
    SkillId,
    DurationMs,
    WatchedMs,
    WatchedS,
    LengthMs,
    PositionMs,
    PositionS,
    Metadata,
}

const FIELDS: usize = Field::Metadata as usize + 1;

impl Field {
    /// The field of a name, in either spelling.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "eventId" | "event_id" => Self::EventId,
            "userId" | "user_id" => Self::UserId,
            "sessionId" | "session_id" => Self::SessionId,
            "courseId" | "course_id" => Self::CourseId,
            "timestamp" => Self::Timestamp,
            "eventType" | "event_type" => Self::EventType,
            "source" => Self::Source,
            "objectId" | "object_id" => Self::ObjectId,
            "attemptId" | "attempt_id" => Self::AttemptId,
            "producerSequence" | "producer_sequence" => Self::ProducerSequence,
            "score" => Self::Score,
            "maxScore" | "max_score" => Self::MaxScore,
            "success" => Self::Success,
            "skillId" | "skill_id" => Self::SkillId,
            "durationMs" | "duration_ms" => Self::DurationMs,
            "watchedMs" | "watched_ms" => Self::WatchedMs,
            "watched_s" => Self::WatchedS,
            "lengthMs" | "length_ms" => Self::LengthMs,
            "positionMs" | "position_ms" => Self::PositionMs,
            "position" => Self::PositionS,
            "metadata" => Self::Metadata,
            _ => return None,
        })
    }

    /// The name in messages.
    pub fn label(self) -> &'static str {
        const LABELS: [&str; FIELDS] = [
            "eventId",
            "userId",
            "sessionId",
            "courseId",
            "timestamp",
            "eventType",
            "source",
            "objectId",
            "attemptId",
            "producerSequence",
            "score",
            "maxScore",
            "success",
            "skillId",
            "durationMs",
            "watchedMs",
            "watched_s",
            "lengthMs",
            "positionMs",
            "position",
            "metadata",
        ];
        LABELS[self as usize]
    }
}

/// The JSON text of each field, and the members that are no field. A `null` counts as absent. Of a
/// repeated field the last one counts, in either spelling.
#[derive(Debug, Default)]
pub(super) struct Fields<'p> {
    known: [Option<&'p str>; FIELDS],
    pub unknown: Vec<Member<'p>>,
}

impl<'p> Fields<'p> {
    /// Finds the members of a payload that is one JSON object.
    pub fn read(payload: &'p [u8]) -> Result<Self, Fault> {
        let text = utf8(payload)?;
        serde_json::from_str(text).map_err(|error| no_object(text, &error))
    }

    pub fn get(&self, field: Field) -> Option<&'p str> {
        self.known[field as usize]
    }
}

impl<'de: 'p, 'p> Deserialize<'de> for Fields<'p> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(FieldsVisitor(PhantomData))
    }
}

struct FieldsVisitor<'p>(PhantomData<&'p ()>);

impl<'de: 'p, 'p> Visitor<'de> for FieldsVisitor<'p> {
    type Value = Fields<'p>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Name(name)) = members.next_key()? {
            let json = members.next_value::<&'de RawValue>()?.get();
            if json == "null" {
                continue;
            }
            match Field::of(&name) {
                Some(field) => fields.known[field as usize] = Some(json),
                None => fields.unknown.push((name, json)),
            }
        }
        Ok(fields)
    }
}
