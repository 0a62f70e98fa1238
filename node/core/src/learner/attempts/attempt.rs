//! One scored attempt, in the form in which it is decoded and in the compact form in memory.

use super::name_table::{NameId, NameTable};
use crate::{
    EventType,
    learner::{
        compact::{CourseSlot, Place, Text, allocation_bytes, read_text},
        room::DETAIL_KEPT_BYTES,
    },
    wire::{Put, Reader},
};

/// One attempt at something scored, as its newest event describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Key of the newest event.
    pub place: Place,
    /// The id that its events share. An attempt without an id has a single event.
    pub attempt_id: Option<Text>,
    /// The object that was attempted.
    pub object_id: Option<Text>,
    /// The skill that was tested.
    pub skill_id: Option<Text>,
    /// Type of the newest event.
    pub event_type: EventType,
    /// Score / maximum in millionths.
    pub score_millionths: u32,
    /// Course of the newest event.
    pub course: CourseSlot,
    /// Whether one of its events is a `quiz_submitted`.
    pub is_quiz: bool,
}

/// An attempt in memory: 64 bytes, with names shared through a [`NameTable`].
#[derive(Clone, Debug)]
pub struct CompactAttempt {
    pub place: Place,
    attempt_id: Option<Box<Text>>,
    object_id: NameId,
    skill_id: NameId,
    score_millionths: u32,
    pub course: CourseSlot,
    /// Set for a type that is not well-known.
    other_type: NameId,
    /// The position of a well-known type.
    known_type: u8,
    pub is_quiz: bool,
}

/// A compact attempt with its names resolved.
#[derive(Clone, Copy, Debug)]
pub struct AttemptRef<'a> {
    pub place: &'a Place,
    pub attempt_id: Option<&'a Text>,
    pub object_id: Option<&'a Text>,
    pub skill_id: Option<&'a Text>,
    other_type: Option<&'a Text>,
    known_type: u8,
    pub score_millionths: u32,
    pub course: CourseSlot,
    pub is_quiz: bool,
}

impl Attempt {
    /// Converts to the compact form.
    pub fn compact(self, names: &mut NameTable) -> CompactAttempt {
        let known_type = self.event_type.place();
        let other_type = match known_type {
            Some(_) => None,
            None => Text::from_option(Some(self.event_type.name())),
        };
        CompactAttempt {
            place: self.place,
            attempt_id: self.attempt_id.map(Box::new),
            object_id: names.intern(self.object_id),
            skill_id: names.intern(self.skill_id),
            score_millionths: self.score_millionths,
            course: self.course,
            other_type: names.intern(other_type),
            // There are 13 well-known types.
            known_type: known_type.unwrap_or_default() as u8,
            is_quiz: self.is_quiz,
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, before_ms: i64) -> Option<Self> {
        let place = Place::read(from, before_ms)?;
        let which = from.byte()?;
        let mut id = |bit: u8| match which & bit {
            0 => Some(None),
            _ => read_text(from).map(Some),
        };
        let [attempt_id, object_id, skill_id] = [id(2)?, id(4)?, id(8)?];
        Some(Self {
            place,
            attempt_id,
            object_id,
            skill_id,
            event_type: EventType::read(from)?,
            score_millionths: u32::try_from(from.number()?).ok()?,
            course: CourseSlot::read(from)?,
            is_quiz: which & 1 == 1,
        })
    }
}

impl CompactAttempt {
    /// Resolves the names.
    pub fn with_names<'a>(&'a self, names: &'a NameTable) -> AttemptRef<'a> {
        AttemptRef {
            place: &self.place,
            attempt_id: self.attempt_id.as_deref(),
            object_id: names.get(self.object_id),
            skill_id: names.get(self.skill_id),
            other_type: names.get(self.other_type),
            known_type: self.known_type,
            score_millionths: self.score_millionths,
            course: self.course,
            is_quiz: self.is_quiz,
        }
    }

    /// Moves the names to another table.
    pub fn move_names(&mut self, from: &NameTable, to: &mut NameTable) {
        for name in [
            &mut self.object_id,
            &mut self.skill_id,
            &mut self.other_type,
        ] {
            *name = to.intern(from.get(*name).cloned());
        }
    }

    /// Heap memory, without the names, bytes.
    pub fn heap_bytes(&self) -> usize {
        let id = self.attempt_id.as_ref();
        let id_bytes = id.map_or(0, |id| {
            allocation_bytes(size_of::<Text>()) + id.heap_bytes()
        });
        self.place.event_id.heap_bytes() + id_bytes
    }
}

impl AttemptRef<'_> {
    /// Type of the newest event.
    pub fn event_type(&self) -> EventType {
        match self.other_type {
            Some(name) => EventType::Other(name.to_box()),
            None => EventType::at(self.known_type.into()).unwrap_or(EventType::QuestionAnswered),
        }
    }

    /// What the attempt counts, bytes.
    pub fn kept_bytes(&self) -> usize {
        let ids = [self.attempt_id, self.object_id, self.skill_id];
        let texts = ids.into_iter().chain([self.other_type]).flatten();
        let texts = texts.chain([&self.place.event_id]).map(Text::length);
        DETAIL_KEPT_BYTES + texts.sum::<usize>()
    }

    /// Appends the stored form. The time is relative to `before_ms`.
    pub fn put(&self, out: &mut Vec<u8>, before_ms: i64) {
        self.place.put(out, before_ms);
        let ids = [&self.attempt_id, &self.object_id, &self.skill_id];
        let which = ids.iter().rev();
        let which = which.fold(0, |which, id| which << 1 | u8::from(id.is_some()));
        out.push(which << 1 | u8::from(self.is_quiz));
        ids.into_iter().flatten().for_each(|id| id.put(out));
        self.event_type().put(out);
        out.put_number(self.score_millionths.into());
        self.course.put(out);
    }
}

impl PartialEq for AttemptRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        let ids = |it: &Self| {
            (
                it.attempt_id.cloned(),
                it.object_id.cloned(),
                it.skill_id.cloned(),
            )
        };
        let rest = |it: &Self| (it.event_type(), it.score_millionths, it.course, it.is_quiz);
        self.place == other.place && ids(self) == ids(other) && rest(self) == rest(other)
    }
}
