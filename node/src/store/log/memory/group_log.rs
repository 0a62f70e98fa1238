//! One group's log in memory, over any kind of index entry: the log entry itself, or its place on
//! disk.
//!
//! Must not know: files, locks, queues.

use std::collections::VecDeque;
use std::ops::Range;

use crate::store::log::entry::{GroupId, GroupState, Leader, LogEntry, Position, Vote};
use crate::store::log::error::AppendError;
use crate::store::log::format::group_meta::GroupMeta;
use crate::store::log::format::headers::PAYLOAD_BYTES_MAX;

/// An index entry.
pub(crate) trait Slot {
    fn leader(&self) -> Leader;
}

impl Slot for LogEntry {
    fn leader(&self) -> Leader {
        self.position.leader
    }
}

/// One group's log. Its entries are consecutive; `first` is the index of the oldest one, and has no
/// meaning when there is none.
#[derive(Clone, Debug)]
pub(crate) struct GroupLog<S> {
    pub(crate) vote: Option<Vote>,
    pub(crate) committed: Option<Position>,
    purged: Option<Position>,
    first: u64,
    slots: VecDeque<S>,
}

impl<S> Default for GroupLog<S> {
    fn default() -> Self {
        Self {
            vote: None,
            committed: None,
            purged: None,
            first: 0,
            slots: VecDeque::new(),
        }
    }
}

impl<S: Slot> GroupLog<S> {
    /// A group's log as recovered from disk.
    pub(crate) fn restored(meta: &GroupMeta, slots: VecDeque<S>) -> Self {
        Self {
            vote: meta.vote,
            committed: meta.committed,
            purged: meta.purged,
            first: meta.first,
            slots,
        }
    }

    /// Checks that `entries` may be appended.
    pub(crate) fn check_append(
        &self,
        group: GroupId,
        entries: &[LogEntry],
    ) -> Result<(), AppendError> {
        let mut expected = self.next_index();
        for entry in entries {
            let found = entry.position.index;
            let expected_here = expected.unwrap_or(found);
            if found != expected_here {
                return Err(AppendError::Gap {
                    group,
                    expected: expected_here,
                    found,
                });
            }
            let bytes = entry.payload.len() as u64;
            if bytes > PAYLOAD_BYTES_MAX {
                return Err(AppendError::TooLarge {
                    group,
                    index: found,
                    bytes,
                    max: PAYLOAD_BYTES_MAX,
                });
            }
            expected = Some(found + 1);
        }
        Ok(())
    }

    /// Adds an entry that passed [`check_append`](Self::check_append).
    pub(crate) fn push(&mut self, index: u64, slot: S) {
        if self.slots.is_empty() {
            self.first = index;
        }
        debug_assert_eq!(index, self.first + self.slots.len() as u64);
        self.slots.push_back(slot);
    }

    /// The next index once all entries after `keep` are removed; `None` if there are none to
    /// remove.
    pub(crate) fn truncation(&self, keep: Option<Position>) -> Option<u64> {
        let next = keep.map_or(0, |keep| keep.index + 1).max(self.first);
        (next < self.first + self.slots.len() as u64).then_some(next)
    }

    /// Removes all entries from `next` on, as returned by [`truncation`](Self::truncation), and
    /// returns them.
    pub(crate) fn truncate(&mut self, next: u64) -> VecDeque<S> {
        let kept = next.saturating_sub(self.first) as usize;
        self.slots.split_off(kept.min(self.slots.len()))
    }

    /// Whether everything up to `upto` was purged before.
    pub(crate) fn is_purged(&self, upto: Position) -> bool {
        self.purged.is_some_and(|purged| purged.index >= upto.index)
    }

    /// Removes all entries up to `upto`, which must not be purged yet, and returns them.
    pub(crate) fn purge(&mut self, upto: Position) -> VecDeque<S> {
        debug_assert!(!self.is_purged(upto));
        self.purged = Some(upto);
        let gone = (upto.index + 1)
            .saturating_sub(self.first)
            .min(self.slots.len() as u64);
        let kept = self.slots.split_off(gone as usize);
        self.first = self.first.max(upto.index + 1);
        std::mem::replace(&mut self.slots, kept)
    }

    /// Removes everything, and returns the entries.
    pub(crate) fn clear(&mut self) -> VecDeque<S> {
        std::mem::take(self).slots
    }

    pub(crate) fn state(&self) -> GroupState {
        let last = self.slots.back().map(|slot| Position {
            leader: slot.leader(),
            index: self.first + self.slots.len() as u64 - 1,
        });
        GroupState {
            vote: self.vote,
            committed: self.committed,
            purged: self.purged,
            last: last.or(self.purged),
        }
    }

    /// The entries within `range`, with their indexes.
    pub(crate) fn range(&self, range: Range<u64>) -> impl Iterator<Item = (u64, &S)> {
        let end = self.first + self.slots.len() as u64;
        let from = range.start.clamp(self.first, end);
        let to = range.end.clamp(from, end);
        let slots = self
            .slots
            .range((from - self.first) as usize..(to - self.first) as usize);
        (from..to).zip(slots)
    }

    pub(crate) fn slot_mut(&mut self, index: u64) -> Option<&mut S> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at)
    }

    pub(crate) fn slots_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.slots.iter_mut()
    }

    pub(crate) fn slots(&self) -> &VecDeque<S> {
        &self.slots
    }

    /// The index that must come next; `None` if any index may.
    fn next_index(&self) -> Option<u64> {
        match self.slots.len() as u64 {
            0 => self.purged.map(|purged| purged.index + 1),
            len => Some(self.first + len),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn entry(index: u64) -> LogEntry {
        let position = Position {
            leader: Leader { term: 1, node: 1 },
            index,
        };
        LogEntry {
            position,
            tag: 0,
            payload: Bytes::new(),
        }
    }

    fn filled(range: Range<u64>) -> GroupLog<LogEntry> {
        let mut log = GroupLog::default();
        for index in range {
            assert_eq!(log.check_append(0, &[entry(index)]), Ok(()));
            log.push(index, entry(index));
        }
        log
    }

    fn present(log: &GroupLog<LogEntry>) -> Vec<u64> {
        log.range(0..u64::MAX).map(|(index, _)| index).collect()
    }

    #[test]
    fn entries_follow_without_a_gap() {
        let log = filled(4..7);
        assert_eq!(
            log.check_append(0, &[entry(8)]),
            Err(AppendError::Gap {
                group: 0,
                expected: 7,
                found: 8
            })
        );
        let torn = [entry(7), entry(9)];
        assert_eq!(
            log.check_append(0, &torn),
            Err(AppendError::Gap {
                group: 0,
                expected: 8,
                found: 9
            })
        );
    }

    #[test]
    fn truncation_keeps_up_to_its_position() {
        let mut log = filled(0..10);
        assert_eq!(log.truncation(Some(entry(12).position)), None);
        assert_eq!(log.truncation(Some(entry(5).position)), Some(6));
        assert_eq!(log.truncate(6).len(), 4);
        assert_eq!(present(&log), (0..6).collect::<Vec<_>>());
        assert_eq!(log.truncation(None), Some(0));
        log.truncate(0);
        assert_eq!(log.state().last, None);
    }

    #[test]
    fn a_purge_may_go_beyond_the_last_entry_and_never_back() {
        let mut log = filled(0..5);
        assert_eq!(log.purge(entry(2).position).len(), 3);
        assert_eq!(present(&log), [3, 4]);
        assert!(log.is_purged(entry(1).position));
        log.purge(entry(20).position);
        assert_eq!(log.state().last, Some(entry(20).position));
        assert_eq!(log.check_append(0, &[entry(21)]), Ok(()));
        assert!(log.check_append(0, &[entry(20)]).is_err());
    }
}
