//! The keys of records that changed since a group's bases were cut.

use std::collections::VecDeque;

use super::base_dir::BASES_KEPT;
use crate::store::checkpoint::position::Position;
use crate::store::checkpoint::tree::key_list::{Changed, KeyList};

/// Memory for the keys of all groups of a store, bytes.
const BYTES_MAX: usize = 64 << 20;

/// The keys that commits changed since each of the newest bases. Known only for bases cut since the
/// store was opened, and only while the keys fit into memory; otherwise the next base is written
/// whole.
#[derive(Debug)]
pub(crate) struct ChangedKeys {
    /// Oldest first: a base, and the changes between it and the next one.
    since: VecDeque<(Position, KeyList)>,
    bytes_max: usize,
}

impl ChangedKeys {
    /// The part of one of `groups` groups.
    pub(crate) fn of_one_in(groups: usize) -> Self {
        Self {
            since: VecDeque::new(),
            bytes_max: BYTES_MAX / groups.max(1),
        }
    }

    /// The part of one of `groups` groups, which has one base.
    pub(crate) fn since_base(position: Position, groups: usize) -> Self {
        let mut changed = Self::of_one_in(groups);
        changed.base_was_cut(position);
        changed
    }

    /// Adds the keys that a commit changed.
    pub(crate) fn note(&mut self, keys: &KeyList) {
        if self.bytes() + keys.len() > self.bytes_max {
            self.make_room(keys.len());
        }
        if let Some((_, newest)) = self.since.back_mut() {
            newest.append(keys);
        }
    }

    /// Removes duplicate keys; if that does not suffice, forgets the keys since the older base.
    /// Frees a quarter of the memory, so that this does not happen at each commit.
    fn make_room(&mut self, wanted_bytes: usize) {
        for (_, list) in &mut self.since {
            let mut kept = KeyList::default();
            for (key, hash_before) in each_once(list.iter()) {
                kept.push(key, hash_before);
            }
            *list = kept;
        }
        while !self.since.is_empty() && self.bytes() + wanted_bytes > self.bytes_max / 4 * 3 {
            self.since.pop_front();
        }
    }

    fn bytes(&self) -> usize {
        self.since.iter().map(|(_, list)| list.len()).sum()
    }

    /// Begins a new list: later changes are changes since this base.
    pub(crate) fn base_was_cut(&mut self, position: Position) {
        self.since.push_back((position, KeyList::default()));
        if self.since.len() > BASES_KEPT {
            self.since.pop_front();
        }
    }

    /// The keys that changed since a base in ascending order, each once, with the record's hash in
    /// that base; `None` if unknown.
    pub(crate) fn since(&self, base: Position) -> Option<Vec<Changed<'_>>> {
        let from = self
            .since
            .iter()
            .position(|(position, _)| *position == base)?;
        let lists = self.since.range(from..);
        Some(each_once(lists.flat_map(|(_, list)| list.iter())))
    }
}

/// Each key once, in ascending order, with the hash before its first change.
fn each_once<'k>(changes: impl Iterator<Item = Changed<'k>>) -> Vec<Changed<'k>> {
    let mut keys: Vec<Changed<'k>> = changes.collect();
    // The sort is stable, so the first change of a key stays first.
    keys.sort_by_key(|(key, _)| *key);
    keys.dedup_by_key(|(key, _)| *key);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u64) -> Position {
        let (term, node) = (1, 1);
        Position { term, node, index }
    }

    fn keys(some: &[&str]) -> KeyList {
        let mut list = KeyList::default();
        let hash = |key: &str| (!key.is_empty()).then_some(some.len() as u64);
        some.iter()
            .for_each(|key| list.push(key.as_bytes(), hash(key)));
        list
    }

    fn since(changed: &ChangedKeys, index: u64) -> Option<String> {
        let keys = changed.since(at(index))?;
        let shown = |(key, before): Changed<'_>| {
            let before = before.map_or(String::new(), |hash| hash.to_string());
            format!("{}{before}", String::from_utf8_lossy(key))
        };
        let keys: Vec<_> = keys.into_iter().map(shown).collect();
        Some(keys.join(" "))
    }

    #[test]
    fn what_changed_is_known_since_each_of_two_bases() {
        let mut changed = ChangedKeys::of_one_in(1);
        changed.note(&keys(&["lost"]));
        assert_eq!(since(&changed, 1), None);
        changed.base_was_cut(at(1));
        changed.note(&keys(&["b", "", "a", "b"]));
        assert_eq!(since(&changed, 1).as_deref(), Some(" a4 b4"));
        changed.base_was_cut(at(2));
        changed.note(&keys(&["c", "a"]));
        assert_eq!(since(&changed, 1).as_deref(), Some(" a4 b4 c2"));
        assert_eq!(since(&changed, 2).as_deref(), Some("a2 c2"));
        changed.base_was_cut(at(3));
        assert_eq!(since(&changed, 1), None);
        assert_eq!(since(&changed, 3).as_deref(), Some(""));
    }

    /// Memory for four keys of three letters.
    fn little_room() -> ChangedKeys {
        ChangedKeys::of_one_in(BYTES_MAX / 56)
    }

    #[test]
    fn keys_that_change_again_and_again_take_room_once() {
        let mut changed = little_room();
        changed.base_was_cut(at(1));
        changed.note(&keys(&["abc", "def"]));
        for _ in 0..10 {
            changed.note(&keys(&["abc"]));
        }
        assert_eq!(since(&changed, 1).as_deref(), Some("abc2 def2"));
    }

    #[test]
    fn of_too_many_the_older_are_forgotten_first() {
        let mut changed = little_room();
        changed.base_was_cut(at(1));
        changed.note(&keys(&["abc", "def"]));
        changed.base_was_cut(at(2));
        changed.note(&keys(&["ghi"]));
        assert_eq!(since(&changed, 1).as_deref(), Some("abc2 def2 ghi1"));
        changed.note(&keys(&["jkl", "mno"]));
        assert_eq!(since(&changed, 1), None);
        assert_eq!(since(&changed, 2).as_deref(), Some("ghi1 jkl2 mno2"));
        changed.note(&keys(&["pqr", "stu", "vwx"]));
        assert_eq!(since(&changed, 2), None);
        changed.base_was_cut(at(3));
        changed.note(&keys(&["a"]));
        assert_eq!(since(&changed, 3).as_deref(), Some("a1"));
    }
}
