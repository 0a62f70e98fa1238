//! The members of a native JSON event as they stand in the text, found in one pass and not yet judged.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::super::{
    fault::{Fault, no_object, utf8},
    members::Member,
};

/// The fields that have a place in an event.
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
    /// By any of its spellings.
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

    /// The name that messages use.
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

/// The JSON text of each field, and the members that have no place. A `null` is as good as none; of a repeated field the last
/// one counts, whatever its spelling.
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
        while let Some(name) = members.next_key_seed(NameSeed)? {
            let json = members.next_value::<&'de RawValue>()?.get();
            if json == "null" {
                continue;
            }
            match name {
                Name::Known(field) => fields.known[field as usize] = Some(json),
                Name::Unknown(name) => fields.unknown.push((name, json)),
            }
        }
        Ok(fields)
    }
}

enum Name<'p> {
    Known(Field),
    Unknown(Cow<'p, str>),
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Name<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Field::of(name).map_or(Name::Unknown(Cow::Borrowed(name)), Name::Known))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let unknown = || Name::Unknown(Cow::Owned(name.to_owned()));
        Ok(Field::of(name).map_or_else(unknown, Name::Known))
    }
}
