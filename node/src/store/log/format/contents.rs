//! What the records of one segment add up to.
//!
//! The writer and the recovery apply the same records to the same type. So a segment's footer,
//! which holds it, equals what a read of the whole segment gives.

use std::collections::{BTreeMap, VecDeque};
use std::iter;

use super::ledger::Ledger;
use super::record::{Control, EntryFields};
use crate::store::log::entry::{GroupId, Leader, SegmentId};

/// The state of all groups at the end of a segment, and the entries in it that are live then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentContents {
    pub(crate) ledger: Ledger,
    /// Groups without such entries are left out.
    pub(crate) live: BTreeMap<GroupId, LiveEntries>,
}

/// Entries of one group in one segment, the last ones of the group's log: they end at the group's
/// next index. Costs 8 bytes an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveEntries {
    places: VecDeque<RecordPlace>,
    runs: VecDeque<Run>,
}

/// Place of a record within its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordPlace {
    pub(crate) offset: u32,
    /// Of the whole record.
    pub(crate) len: u32,
}

/// Consecutive entries that one leader proposed with one tag; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) leader: Leader,
    pub(crate) tag: u8,
    pub(crate) entries: u32,
}

impl SegmentContents {
    /// Applies an entry; `false` if it does not follow the records before it.
    pub(crate) fn entry(&mut self, fields: EntryFields, place: RecordPlace) -> bool {
        let EntryFields {
            group,
            position,
            tag,
        } = fields;
        let follows = self.ledger.entry(group, position.index);
        let live = self.live.entry(group).or_default();
        live.push(position.leader, tag, place);
        follows
    }

    pub(crate) fn control(&mut self, control: &Control) {
        match control {
            Control::Head { .. } => self.live.clear(),
            Control::Remove { group } => drop(self.live.remove(group)),
            Control::Truncate { group, .. } | Control::Purge { group, .. } => {
                let before = self.next_of(*group);
                self.ledger.control(control);
                return self.fit(*group, before);
            }
            _ => {}
        }
        self.ledger.control(control);
    }

    /// Begins the next segment; this one has this length.
    pub(crate) fn seal(&mut self, segment: SegmentId, len: u32) {
        self.ledger.segments.insert(segment, Some(len));
        self.ledger.segments.insert(segment + 1, None);
        self.live.clear();
    }

    fn next_of(&self, group: GroupId) -> u64 {
        self.ledger.groups.get(&group).map_or(0, |meta| meta.next)
    }

    /// Drops what is outside the group's range, which ended at index `before`.
    fn fit(&mut self, group: GroupId, before: u64) {
        let Some(live) = self.live.get_mut(&group) else {
            return;
        };
        let (first, next) = match self.ledger.groups.get(&group) {
            Some(meta) => (meta.first, meta.next),
            None => (0, 0),
        };
        live.drop_back(before.saturating_sub(next));
        let begin = before.min(next).saturating_sub(live.len());
        live.drop_front(first.saturating_sub(begin));
        if live.len() == 0 {
            self.live.remove(&group);
        }
    }
}

impl LiveEntries {
    /// Entries of known places; `None` if the runs have another number of entries.
    pub(crate) fn new(places: VecDeque<RecordPlace>, runs: VecDeque<Run>) -> Option<Self> {
        let entries: u64 = runs.iter().map(|run| u64::from(run.entries)).sum();
        let is_sound = entries == places.len() as u64 && runs.iter().all(|run| run.entries > 0);
        is_sound.then_some(Self { places, runs })
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.places.len() as u64
    }

    pub(crate) fn places(&self) -> &VecDeque<RecordPlace> {
        &self.places
    }

    pub(crate) fn runs(&self) -> &VecDeque<Run> {
        &self.runs
    }

    /// The entries in the order of their indexes: leader, tag, place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Leader, u8, RecordPlace)> {
        let each = |run: &Run| iter::repeat_n((run.leader, run.tag), run.entries as usize);
        let proposed = self.runs.iter().flat_map(each);
        let entries = proposed.zip(&self.places);
        entries.map(|((leader, tag), place)| (leader, tag, *place))
    }

    fn push(&mut self, leader: Leader, tag: u8, place: RecordPlace) {
        self.places.push_back(place);
        match self.runs.back_mut() {
            Some(run) if run.leader == leader && run.tag == tag => run.entries += 1,
            _ => self.runs.push_back(Run {
                leader,
                tag,
                entries: 1,
            }),
        }
    }

    fn drop_back(&mut self, entries: u64) {
        let mut gone = entries.min(self.len()) as u32;
        self.places.truncate(self.places.len() - gone as usize);
        while gone > 0
            && let Some(run) = self.runs.back_mut()
        {
            let taken = gone.min(run.entries);
            run.entries -= taken;
            gone -= taken;
            if run.entries == 0 {
                self.runs.pop_back();
            }
        }
    }

    fn drop_front(&mut self, entries: u64) {
        let mut gone = entries.min(self.len()) as u32;
        self.places.drain(..gone as usize);
        while gone > 0
            && let Some(run) = self.runs.front_mut()
        {
            let taken = gone.min(run.entries);
            run.entries -= taken;
            gone -= taken;
            if run.entries == 0 {
                self.runs.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::entry::Position;

    fn position(term: u64, index: u64) -> Position {
        Position {
            leader: Leader { term, node: 1 },
            index,
        }
    }

    fn entry(contents: &mut SegmentContents, term: u64, index: u64) {
        let fields = EntryFields {
            group: 1,
            position: position(term, index),
            tag: 2,
        };
        let offset = 8 * index as u32;
        assert!(contents.entry(fields, RecordPlace { offset, len: 8 }));
    }

    /// Term and index, the latter by the offset, of each live entry.
    fn live(contents: &SegmentContents) -> Vec<(u64, u64)> {
        let entries = contents
            .live
            .get(&1)
            .into_iter()
            .flat_map(LiveEntries::iter);
        let found = entries.map(|(leader, _, place)| (leader.term, u64::from(place.offset) / 8));
        found.collect()
    }

    #[test]
    fn what_is_removed_is_not_live() {
        let mut contents = SegmentContents::default();
        (10..16).for_each(|index| entry(&mut contents, index / 4, index));
        contents.control(&Control::Truncate { group: 1, next: 14 });
        entry(&mut contents, 9, 14);
        assert_eq!(
            live(&contents),
            [(2, 10), (2, 11), (3, 12), (3, 13), (9, 14)]
        );
        let upto = position(2, 10);
        contents.control(&Control::Purge { group: 1, upto });
        assert_eq!(live(&contents), [(2, 11), (3, 12), (3, 13), (9, 14)]);
        contents.control(&Control::Truncate { group: 1, next: 12 });
        assert_eq!(live(&contents), [(2, 11)]);
        let upto = position(5, 40);
        contents.control(&Control::Purge { group: 1, upto });
        assert!(contents.live.is_empty());
        entry(&mut contents, 6, 41);
        contents.control(&Control::Remove { group: 1 });
        assert!(contents.live.is_empty());
        entry(&mut contents, 1, 3);
        assert_eq!(live(&contents), [(1, 3)]);
    }

    #[test]
    fn only_what_is_in_this_segment_is_listed() {
        let mut contents = SegmentContents::default();
        (0..5).for_each(|index| entry(&mut contents, 1, index));
        contents.seal(7, 4096);
        assert_eq!(contents.ledger.segments[&7], Some(4096));
        (5..7).for_each(|index| entry(&mut contents, 1, index));
        assert_eq!(live(&contents), [(1, 5), (1, 6)]);
        // Down to entries of the segment before.
        contents.control(&Control::Truncate { group: 1, next: 3 });
        assert!(contents.live.is_empty());
        entry(&mut contents, 2, 3);
        let upto = position(1, 1);
        contents.control(&Control::Purge { group: 1, upto });
        assert_eq!(live(&contents), [(2, 3)]);
    }
}
