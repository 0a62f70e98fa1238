//! The counts of a block's panes, by type and course.

use crate::{
    learner::compact::{CourseSlot, Sorted, reserve_one, vec_bytes},
    wire::Reader,
};

/// The most counts of a pane that are searched one by one.
const WALKED_MAX: usize = 16;

/// Value of [`Counted::next`] in the last count of a pane.
const NONE: u32 = u32::MAX;

/// Number of accepted events of one type in one course. The first count of a pane is in the pane.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    pub course: CourseSlot,
    pub events: u32,
    /// Index in [`PaneCounts`] of the pane's next count, or [`NONE`].
    next: u32,
    /// The position of a well-known type, or `EventType::KNOWN` plus the number of another.
    pub event_type: u16,
}

/// The counts of all panes beyond the first of each.
///
/// The counts of a pane are a list, since most panes have few. A hostile pane may have thousands:
/// those behind the first [`WALKED_MAX`] are also found by what they count.
#[derive(Clone, Debug, Default)]
pub struct PaneCounts {
    all: Vec<Counted>,
    /// Empty after a read, until such a count is searched.
    far: Sorted<FarCount>,
}

/// A count behind the first ones of a pane, and its index.
#[derive(Clone, Copy, Debug)]
struct FarCount {
    position: u16,
    event_type: u16,
    course: CourseSlot,
    at: u32,
}

impl PaneCounts {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        let newest = self.all.last();
        newest.map_or(0, |counted| u64::from(counted.events))
    }

    /// The counts of the pane with this first count.
    pub fn of<'h>(&'h self, first: &'h Counted) -> impl Iterator<Item = &'h Counted> {
        std::iter::successors(Some(first), |counted| self.all.get(counted.next as usize))
    }

    /// Adds to the count of the same type and course, or adds a new one. Returns whether it is new;
    /// `None` if it may be a far one.
    pub fn count_near(&mut self, first: &mut Counted, counted: Counted) -> Option<bool> {
        let mut at = None;
        for walked in 1..=WALKED_MAX {
            let known = self.at_mut(first, at);
            if known.is_like(&counted) {
                known.add(&counted);
                return Some(false);
            }
            let next = known.next;
            if walked < WALKED_MAX && next == NONE {
                self.insert_behind(first, at, counted);
                return Some(true);
            }
            at = Some(next as usize);
        }
        None
    }

    /// As [`Self::count_near`], for a far count of the pane at a position. [`Self::find_far`] was
    /// called before.
    pub fn count_far(&mut self, (position, first): (u16, &mut Counted), counted: Counted) -> bool {
        let far = FarCount::of(position, &counted, self.all.len());
        match self.far.search(|other| other.key().cmp(&far.key())) {
            Ok(spot) => {
                if let Some(known) = self.far.at(spot) {
                    self.all[known.at as usize].add(&counted);
                }
                false
            }
            Err(spot) => {
                self.far.insert(spot, far);
                // The end of the list is too far away: the new count is the first of the far ones.
                let mut last = None;
                for _ in 1..WALKED_MAX {
                    last = Some(self.at_mut(first, last).next as usize);
                }
                self.insert_behind(first, last, counted);
                true
            }
        }
    }

    /// A count of a pane by its index; `None` is the first.
    fn at_mut<'h>(&'h mut self, first: &'h mut Counted, at: Option<usize>) -> &'h mut Counted {
        match at {
            None => first,
            Some(at) => &mut self.all[at],
        }
    }

    fn insert_behind(&mut self, first: &mut Counted, at: Option<usize>, counted: Counted) {
        let added = index(self.all.len());
        let before = self.at_mut(first, at);
        let next = std::mem::replace(&mut before.next, added);
        reserve_one(&mut self.all);
        self.all.push(Counted { next, ..counted });
    }

    /// Makes the list of far counts, unless there is one. The panes are given by their positions
    /// and first counts.
    pub fn find_far<'p>(&mut self, panes: impl Iterator<Item = (u16, &'p Counted)>) {
        if self.far.last().is_some() {
            return;
        }
        let mut all = Vec::new();
        for (position, first) in panes {
            let pairs = self.of(first).zip(self.of(first).skip(1));
            let far = pairs.skip(WALKED_MAX - 1);
            all.extend(far.map(|(before, it)| FarCount::of(position, it, before.next as usize)));
        }
        all.sort_unstable_by_key(FarCount::key);
        for far in all {
            let (Ok(spot) | Err(spot)) = self.far.search_end(|it| it.key().cmp(&far.key()));
            self.far.insert(spot, far);
        }
    }

    /// Reads the further counts of a pane, which has `counts` in all, in their order.
    pub fn read(
        &mut self,
        from: &mut Reader<'_>,
        first: &mut Counted,
        counts: usize,
    ) -> Option<()> {
        let mut last = None;
        for _ in 1..counts {
            let counted = Counted::read(from)?;
            let at = self.all.len();
            self.insert_behind(first, last, counted);
            last = Some(at);
        }
        Some(())
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        vec_bytes(&self.all) + self.far.heap_bytes()
    }
}

impl Counted {
    /// The only count of a pane.
    pub fn new(event_type: u16, course: CourseSlot, events: u32) -> Self {
        Self {
            course,
            events,
            next: NONE,
            event_type,
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let event_type = u16::try_from(from.number()?).ok()?;
        let course = CourseSlot::read(from)?;
        let events = u32::try_from(from.number()?).ok()?;
        Some(Self::new(event_type, course, events))
    }

    fn is_like(&self, other: &Self) -> bool {
        self.event_type == other.event_type && self.course == other.course
    }

    fn add(&mut self, other: &Self) {
        self.events = self.events.saturating_add(other.events);
    }
}

impl FarCount {
    fn of(position: u16, counted: &Counted, at: usize) -> Self {
        Self {
            position,
            event_type: counted.event_type,
            course: counted.course,
            at: index(at),
        }
    }

    fn key(&self) -> (u16, u16, CourseSlot) {
        (self.position, self.event_type, self.course)
    }
}

/// An hour has room for fewer than 2^32 counts.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Two panes, counted together; far counts are forgotten now and then, as by a restart.
    #[test]
    fn counts_are_those_of_a_map() {
        let mut counts = PaneCounts::default();
        let mut panes: [Option<Counted>; 2] = [None, None];
        let mut expected: [BTreeMap<u16, u32>; 2] = Default::default();
        let mut number = 1_u32;
        for round in 0..4_000_u32 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (at, event_type) = ((number >> 16) as usize % 2, (number >> 20) as u16 % 300);
            let counted = Counted::new(event_type, CourseSlot::of(None), 1);
            let is_new = !expected[at].contains_key(&event_type);
            *expected[at].entry(event_type).or_default() += 1;
            match &mut panes[at] {
                None => panes[at] = Some(counted),
                Some(first) => {
                    let near = counts.count_near(first, counted);
                    let got = near.unwrap_or_else(|| {
                        let firsts = panes.iter().enumerate();
                        let firsts = firsts.filter_map(|(at, it)| Some((at as u16, it.as_ref()?)));
                        counts.find_far(firsts);
                        let first = panes[at].as_mut().expect("it is not the first");
                        counts.count_far((at as u16, first), counted)
                    });
                    assert_eq!(got, is_new);
                }
            }
            if round % 500 == 0 {
                counts.far = Sorted::default();
            }
        }
        for (first, expected) in panes.iter().zip(expected) {
            let first = first.as_ref().expect("both have counts");
            let all = counts.of(first);
            let got: Vec<(u16, u32)> = all.map(|it| (it.event_type, it.events)).collect();
            assert_eq!(got.len(), expected.len());
            assert_eq!(got.into_iter().collect::<BTreeMap<_, _>>(), expected);
        }
    }
}
