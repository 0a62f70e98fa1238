//! A course in four bytes, as the parts of a learner name it.

use crate::wire::{Put, Reader};

/// A course by its place in the learner's list: panes and facts name courses so. The list only grows.
pub type CourseIndex = u32;

/// A course's place, or none, in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CourseSlot(u32);

impl CourseSlot {
    const NONE: u32 = u32::MAX;

    pub fn of(index: Option<CourseIndex>) -> Self {
        Self(index.unwrap_or(Self::NONE))
    }

    pub fn index(self) -> Option<CourseIndex> {
        Some(self.0).filter(|index| *index != Self::NONE)
    }

    /// Appends the stored form: none, or the place and one.
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
