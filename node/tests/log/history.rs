//! A naive model of the log with every state that it had, so that a recovered state can be looked
//! up.
//!
//! An append counts as one step per entry: a crash may keep the first entries of it.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use homeroom_node::store::log::{GroupId, LogEngine, LogEntry, Position, ReadError, Vote};

/// One change of one group.
#[derive(Clone, Debug)]
pub enum Change {
    Entry(Position, u64),
    Vote(Vote),
    Truncate(Option<Position>),
    Purge(Position),
    Remove,
}

#[derive(Clone, Debug, Default, Hash)]
pub struct Group {
    vote: Option<(u64, u64, bool)>,
    purged: Option<Position>,
    entries: BTreeMap<u64, (Position, u64)>,
}

impl Group {
    pub fn last_index(&self) -> Option<u64> {
        let last = self.entries.keys().next_back().copied();
        last.or(self.purged.map(|purged| purged.index))
    }

    pub fn first_index(&self) -> Option<u64> {
        self.entries.keys().next().copied()
    }

    pub fn position(&self, index: u64) -> Option<Position> {
        self.entries.get(&index).map(|(position, _)| *position)
    }

    /// The entry at an index: its position, and the hash of its payload.
    pub fn entry(&self, index: u64) -> Option<(Position, u64)> {
        self.entries.get(&index).copied()
    }

    fn is_default(&self) -> bool {
        self.vote.is_none() && self.purged.is_none() && self.entries.is_empty()
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Entry(position, payload) => {
                self.entries.insert(position.index, (*position, *payload));
            }
            Change::Vote(vote) => self.set_vote(Some(*vote)),
            Change::Truncate(keep) => {
                let next = keep.map_or(0, |keep| keep.index + 1);
                self.entries.split_off(&next);
            }
            Change::Purge(upto) if self.purged.is_some_and(|purged| purged.index >= upto.index) => {
            }
            Change::Purge(upto) => {
                self.purged = Some(*upto);
                self.entries = self.entries.split_off(&(upto.index + 1));
            }
            Change::Remove => *self = Self::default(),
        }
    }

    fn set_vote(&mut self, vote: Option<Vote>) {
        self.vote = vote.map(|vote| (vote.leader.term, vote.leader.node, vote.committed));
    }
}

/// All states of a log, in the order of the writes.
#[derive(Debug)]
pub struct History {
    changes: Vec<(GroupId, Change)>,
    /// The state after each number of changes, as a hash.
    states: Vec<u64>,
    /// By segment and length: the number of acknowledged changes when the log had that length.
    marks: Vec<((u64, u64), usize)>,
    pub groups: BTreeMap<GroupId, Group>,
    hashes: BTreeMap<GroupId, Option<u64>>,
}

impl Default for History {
    fn default() -> Self {
        let (groups, hashes) = Default::default();
        let states = vec![state_of(&hashes)];
        Self {
            changes: Vec::new(),
            states,
            marks: Vec::new(),
            groups,
            hashes,
        }
    }
}

impl History {
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub fn push(&mut self, group: GroupId, change: Change) {
        let state = self.groups.entry(group).or_default();
        state.apply(&change);
        self.hashes.insert(group, hash_of(state));
        self.states.push(state_of(&self.hashes));
        self.changes.push((group, change));
    }

    /// The number of changes after which the log had its present state; the largest one if there
    /// are several.
    pub fn find(&self, log: &dyn LogEngine) -> Result<Option<usize>, ReadError> {
        let hashes = read(log)?
            .iter()
            .map(|(id, group)| (*id, hash_of(group)))
            .collect();
        let state = state_of(&hashes);
        Ok(self.states.iter().rposition(|known| *known == state))
    }

    /// The entries that can't be read of a log in its newest state, for damage; the others must be
    /// as they were written.
    pub fn unreadable(&self, log: &dyn LogEngine) -> usize {
        let mut unreadable = 0;
        for (id, group) in &self.groups {
            assert_eq!(
                log.state(*id).last.map(|last| last.index),
                group.last_index()
            );
            for index in group.entries.keys() {
                match log.read(*id, *index..index + 1, u64::MAX) {
                    Ok(found) => {
                        let found = found.first().expect("a live entry");
                        let found = (found.position, payload_hash(found));
                        assert_eq!(group.entry(*index), Some(found), "group {id}");
                    }
                    Err(ReadError::Damaged { .. }) => unreadable += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        unreadable
    }

    /// All changes so far are acknowledged, and the log ends here.
    pub fn mark(&mut self, segment: u64, bytes: u64) {
        self.marks.push(((segment, bytes), self.changes.len()));
    }

    /// The number of changes acknowledged before the log grew beyond this place.
    pub fn acknowledged(&self, segment: u64, bytes: usize) -> usize {
        let here = (segment, bytes as u64);
        let before = self.marks.iter().filter(|(end, _)| *end <= here);
        before.map(|(_, changes)| *changes).max().unwrap_or(0)
    }

    /// Forgets all but the first `len` changes, as a crash did; the log now ends here.
    pub fn cut(&mut self, len: usize, segment: u64, bytes: u64) {
        self.changes.truncate(len);
        self.states.truncate(len + 1);
        self.groups.clear();
        for (group, change) in &self.changes {
            self.groups.entry(*group).or_default().apply(change);
        }
        self.hashes = self
            .groups
            .iter()
            .map(|(id, group)| (*id, hash_of(group)))
            .collect();
        self.marks
            .retain(|(end, changes)| *changes <= len && *end < (segment, bytes));
        self.mark(segment, bytes);
    }
}

pub fn payload_hash(entry: &LogEntry) -> u64 {
    u64::from(crc32c::crc32c(&entry.payload)) << 8 | u64::from(entry.tag)
}

fn read(log: &dyn LogEngine) -> Result<BTreeMap<GroupId, Group>, ReadError> {
    let mut groups = BTreeMap::new();
    for id in log.groups() {
        let state = log.state(id);
        let mut group = Group {
            purged: state.purged,
            ..Group::default()
        };
        group.set_vote(state.vote);
        for entry in log.read(id, 0..u64::MAX, u64::MAX)? {
            group
                .entries
                .insert(entry.position.index, (entry.position, payload_hash(&entry)));
        }
        assert_eq!(
            state.last.map(|last| last.index),
            group.last_index(),
            "group {id}"
        );
        groups.insert(id, group);
    }
    Ok(groups)
}

/// The hash of a group's state; none for a group that is equal to a missing one.
fn hash_of(group: &Group) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    group.hash(&mut hasher);
    (!group.is_default()).then(|| hasher.finish())
}

fn state_of(hashes: &BTreeMap<GroupId, Option<u64>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for known in hashes.iter().filter(|(_, hash)| hash.is_some()) {
        known.hash(&mut hasher);
    }
    hasher.finish()
}
