//! Fields of a delivery that an event has no field for.

use std::borrow::Cow;

/// Named texts. A later entry replaces an earlier one of the same name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata<'p>(Vec<(Cow<'p, str>, Cow<'p, str>)>);

impl<'p> Metadata<'p> {
    pub fn push(&mut self, name: impl Into<Cow<'p, str>>, value: impl Into<Cow<'p, str>>) {
        self.0.push((name.into(), value.into()));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The entries in ascending order of names, the last one of each name.
    pub fn into_sorted(mut self) -> Vec<(Cow<'p, str>, Cow<'p, str>)> {
        if self.0.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return self.0;
        }
        // Reversed and stably sorted, the last pushed entry of each name is first.
        self.0.reverse();
        self.0.sort_by(|one, other| one.0.cmp(&other.0));
        self.0.dedup_by(|later, first| later.0 == first.0);
        self.0
    }
}
