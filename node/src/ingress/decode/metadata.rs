//! What has no place of its own in an event.

use std::borrow::Cow;

/// Named texts, later ones counting for more.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata<'p>(Vec<(Cow<'p, str>, Cow<'p, str>)>);

impl<'p> Metadata<'p> {
    pub fn push(&mut self, name: impl Into<Cow<'p, str>>, value: impl Into<Cow<'p, str>>) {
        self.0.push((name.into(), value.into()));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In ascending order of the names; of several entries with one name the last.
    pub fn into_sorted(mut self) -> Vec<(Cow<'p, str>, Cow<'p, str>)> {
        if self.0.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return self.0;
        }
        // The sort is stable: of one name's entries, the last pushed comes first after reversing.
        self.0.reverse();
        self.0.sort_by(|one, other| one.0.cmp(&other.0));
        self.0.dedup_by(|later, first| later.0 == first.0);
        self.0
    }
}
