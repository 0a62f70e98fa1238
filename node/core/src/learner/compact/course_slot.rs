//! References to a learner's courses, in four bytes.

use crate::wire::{Put, Reader};

/// The index of a course in the learner's list. Panes and attempts refer to courses by it. The list
/// only grows.
pub type CourseIndex = u32;

/// An optional [`CourseIndex`] in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CourseSlot(u32);

impl CourseSlot {
    const NONE: u32 = u32::MAX;

    pub fn of(index: Option<CourseIndex>) -> Self {
        Self(index.unwrap_or(Self::NONE))
    }

    pub fn index(self) -> Option<CourseIndex> {
        Some(self.0).filter(|index| *index != Self::NONE)
    }

    /// Appends the stored form: 0 for none, else the index plus one.
    pub fn put(self, out: &mut Vec<u8>) {
        out.put_number(self.index().map_or(0, |index| u64::from(index) + 1));
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let number = from.number()?;
        let index = number.checked_sub(1).map(u32::try_from).transpose();
        Some(Self::of(index.ok()?))
    }
}
