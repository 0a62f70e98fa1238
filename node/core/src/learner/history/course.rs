//! The courses of a learner.

use crate::{
    EventType,
    learner::{
        compact::{
            Arrival, CourseIndex, CourseSlot, Place, PlaceRef, Text, TextRef, allocation_bytes,
            read_text, reserve_one, vec_bytes,
        },
        room::COURSE_BYTES,
    },
    wire::{Put, Reader},
};

/// A learner's relation to one course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    course_id: Text,
    /// Newest event in the course, ms.
    pub last_event_ms: i64,
    /// The newest `enrolled` (true) or `unenrolled` (false).
    enrolment: Option<Box<(Place, bool)>>,
}

/// All courses of a learner, in order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Courses(Vec<Membership>);

impl Courses {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        self.0
            .first()
            .map_or(0, |course| course.last_event_ms.cast_unsigned())
    }

    /// Adds an event to its course, and returns the course.
    pub fn add(&mut self, arrival: &Arrival<'_>) -> CourseSlot {
        let event = arrival.event;
        let Some(course_id) = event.course_id.as_deref().map(TextRef::of) else {
            return CourseSlot::of(None);
        };
        let position = self.position(&course_id).unwrap_or_else(|| {
            reserve_one(&mut self.0);
            self.0.push(Membership {
                course_id: course_id.to_text(),
                last_event_ms: event.timestamp_ms,
                enrolment: None,
            });
            self.0.len() - 1
        });
        let membership = &mut self.0[position];
        membership.last_event_ms = membership.last_event_ms.max(event.timestamp_ms);
        match event.event_type {
            EventType::Enrolled => membership.note_enrolment(&arrival.place, true),
            EventType::Unenrolled => membership.note_enrolment(&arrival.place, false),
            _ => {}
        }
        CourseSlot::of(u32::try_from(position).ok())
    }

    /// The index of a course, if the learner was seen in it or enrolled.
    pub fn index_of(&self, course_id: &str) -> Option<CourseIndex> {
        self.position(&TextRef::of(course_id))
            .and_then(|position| u32::try_from(position).ok())
    }

    /// The course at an index.
    pub fn get(&self, index: CourseIndex) -> Option<&Membership> {
        self.0.get(usize::try_from(index).ok()?)
    }

    /// All courses in order of arrival, each with its index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (CourseSlot, &Membership)> {
        let placed = self.0.iter().enumerate();
        placed.map(|(at, membership)| (CourseSlot::of(u32::try_from(at).ok()), membership))
    }

    /// What the courses count, bytes.
    pub fn kept_bytes(&self) -> usize {
        let each = self.0.iter().map(|membership| {
            let enrolment = membership.enrolment.as_ref();
            COURSE_BYTES
                + membership.course_id.length()
                + enrolment.map_or(0, |newest| newest.0.event_id.length())
        });
        each.sum()
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        let each = self.0.iter().map(|membership| {
            let enrolment = membership.enrolment.as_ref();
            membership.course_id.heap_bytes()
                + enrolment.map_or(0, |enrolment| {
                    allocation_bytes(size_of_val(&**enrolment)) + enrolment.0.event_id.heap_bytes()
                })
        });
        vec_bytes(&self.0) + each.sum::<usize>()
    }

    /// Appends the stored form. Times are relative to `base_ms`.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64) {
        out.put_size(self.0.len());
        for membership in &self.0 {
            membership.course_id.put(out);
            out.put_signed(base_ms.wrapping_sub(membership.last_event_ms));
            out.put_option(membership.enrolment.as_deref(), |out, (place, enrolled)| {
                place.put(out, base_ms);
                out.push(u8::from(*enrolled));
            });
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, base_ms: i64) -> Option<Self> {
        let mut courses = Self::default();
        for _ in 0..from.size()? {
            let course_id = read_text(from)?;
            let last_event_ms = base_ms.wrapping_sub(from.signed()?);
            let enrolment = from.option(|from| {
                let place = Place::read(from, base_ms)?;
                Some(Box::new((place, from.byte()? == 1)))
            });
            courses.push(Membership {
                course_id,
                last_event_ms,
                enrolment: enrolment?,
            });
        }
        Some(courses)
    }

    /// Appends a course.
    pub fn push(&mut self, membership: Membership) {
        reserve_one(&mut self.0);
        self.0.push(membership);
    }

    fn position(&self, course_id: &TextRef<'_>) -> Option<usize> {
        self.0
            .iter()
            .position(|membership| membership.course_id.is(course_id))
    }
}

impl Membership {
    /// The course's id.
    pub fn course_id(&self) -> Box<str> {
        self.course_id.to_box()
    }

    /// Whether the learner is enrolled; `None` if no event says so.
    pub fn enrolled(&self) -> Option<bool> {
        self.enrolment.as_ref().map(|enrolment| enrolment.1)
    }

    fn note_enrolment(&mut self, place: &PlaceRef<'_>, enrolled: bool) {
        let known = self.enrolment.as_ref();
        if known.is_none_or(|known| known.0.compare(place).is_lt()) {
            self.enrolment = Some(Box::new((place.to_place(), enrolled)));
        }
    }
}
