//! A shard's stored records, in memory. Only bytes are written and read.

use std::collections::{BTreeMap, BTreeSet};

use homeroom_core::learner::{ALWAYS, Learner, RequiredParts, StatePart};
use homeroom_core::shard::ShardState;

use super::records::Key;

const HOUR_MS: i64 = 3_600_000;

/// What a checkpoint stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The shard's own record.
    pub state: Vec<u8>,
    /// Keys and bytes of the records that changed since the last capture; `None` deletes one.
    pub changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Stored records, written as by checkpoints: each time what changed.
#[derive(Debug, Default)]
pub(super) struct Disk {
    state: Vec<u8>,
    records: BTreeMap<Key, Vec<u8>>,
    /// Records written or deleted since the last capture.
    changed: BTreeSet<Key>,
}

impl Disk {
    /// A disk with these records.
    pub fn of(state: Vec<u8>, records: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let read = |(key, bytes): (Vec<u8>, Vec<u8>)| (Key::decode(&key).expect("its key"), bytes);
        Self {
            state,
            records: records.map(read).collect(),
            changed: BTreeSet::new(),
        }
    }

    /// What was written since the last call.
    pub fn capture(&mut self) -> Captured {
        let changed = std::mem::take(&mut self.changed);
        let changes = changed.into_iter();
        Captured {
            state: self.state.clone(),
            changes: changes
                .map(|key| (key.encode(), self.records.get(&key).cloned()))
                .collect(),
        }
    }

    /// Writes the shard's own record and its changed dead letters.
    pub fn save_shard(&mut self, shard: &mut ShardState) {
        for change in shard.dead_letters_mut().take_changes() {
            self.write(Key::Letter(change.number), change.bytes);
        }
        self.state = shard.encode();
    }

    /// Writes the changed records of a learner.
    pub fn save_learner(&mut self, learner: &mut Learner, leaving: bool) {
        for change in learner.take_changes(leaving) {
            assert!(
                change.part != StatePart::Head || change.bytes.is_some(),
                "a head is never deleted"
            );
            self.write(Key::of(learner.user_id(), change.part), change.bytes);
        }
        assert!(!learner.has_changes());
    }

    /// Deletes the blocks before the floor of a passivated learner.
    pub fn sweep(&mut self, user_id: &str, floor_ms: i64) {
        let hour = |time_ms: i64| time_ms.div_euclid(HOUR_MS);
        let swept_ms = hour(floor_ms) * HOUR_MS;
        let blocks = self.blocks(user_id).map(|(from_ms, _)| from_ms);
        let expired = blocks.filter(|from_ms| hour(*from_ms) < hour(floor_ms));
        for from_ms in expired.collect::<Vec<_>>() {
            self.write(Key::Block(user_id.to_owned(), from_ms), None);
        }
        let swept = swept_ms.to_be_bytes().to_vec();
        self.write(Key::Swept(user_id.to_owned()), Some(swept));
    }

    /// Loads the named blocks into a learner.
    pub fn restore_block(&self, learner: &mut Learner, blocks: &[i64]) {
        for &from_ms in blocks {
            let bytes = self.block(learner.user_id(), from_ms);
            let read = learner.restore_block(from_ms, bytes.expect("it was not deleted"));
            read.expect("what was written can be read");
        }
    }

    /// The stored bytes of a block; `None` if it was deleted.
    pub fn block(&self, user_id: &str, from_ms: i64) -> Option<&[u8]> {
        let block = self.records.get(&Key::Block(user_id.to_owned(), from_ms));
        block.map(Vec::as_slice)
    }

    /// The learner with all its stored blocks in memory.
    pub fn whole(&self, learner: &Learner) -> Learner {
        let mut whole = learner.clone();
        let kept_ms = self.swept_ms(learner.user_id())..ALWAYS.end;
        self.restore_block(&mut whole, &learner.missing_within(&kept_ms));
        assert!(whole.missing_within(&kept_ms).is_empty());
        whole
    }

    /// The shard, restored from its bytes.
    pub fn shard(&self) -> ShardState {
        let letters = self.records.iter().filter_map(|(key, bytes)| match key {
            Key::Letter(number) => Some((*number, bytes.clone())),
            _ => None,
        });
        ShardState::restore(&self.state, letters).expect("what was written can be read")
    }

    /// A learner, restored from its bytes; `None` when nothing is stored.
    pub fn learner(&self, user_id: &str) -> Option<Learner> {
        let head = self.head(user_id)?;
        let blocks = self.blocks(user_id);
        let parts = blocks.map(|(from_ms, bytes)| (StatePart::Block(from_ms), bytes));
        Some(Learner::restore(user_id, head, parts).expect("what was written can be read"))
    }

    /// The same without its past: besides the head, only the parts that the head requires are read.
    pub fn learner_partial(&self, user_id: &str) -> Option<Learner> {
        let head = self.head(user_id)?;
        let needed = Learner::required_parts(head).expect("what was written can be read");
        let is_needed = |from_ms: &i64| match &needed {
            RequiredParts::All => true,
            RequiredParts::Blocks(needed) => needed.contains(from_ms),
        };
        let blocks = self
            .blocks(user_id)
            .filter(|(from_ms, _)| is_needed(from_ms));
        let parts = blocks.map(|(from_ms, bytes)| (StatePart::Block(from_ms), bytes));
        Some(Learner::restore_partial(user_id, head, parts).expect("what was written can be read"))
    }

    /// Whether a learner's head names the parts that it requires.
    pub fn is_enough(&self, user_id: &str) -> bool {
        let needed = self.head(user_id).map(Learner::required_parts);
        matches!(needed, Some(Ok(RequiredParts::Blocks(_))))
    }

    /// All stored learners.
    pub fn users(&self) -> impl Iterator<Item = &String> {
        self.records.keys().filter_map(|key| match key {
            Key::Head(user_id) => Some(user_id),
            _ => None,
        })
    }

    fn head(&self, user_id: &str) -> Option<&[u8]> {
        let head = self.records.get(&Key::Head(user_id.to_owned()));
        head.map(Vec::as_slice)
    }

    fn blocks(&self, user_id: &str) -> impl Iterator<Item = (i64, &[u8])> + Clone {
        let key = |from_ms| Key::Block(user_id.to_owned(), from_ms);
        let blocks = self.records.range(key(i64::MIN)..=key(i64::MAX));
        blocks.filter_map(|(key, bytes)| match key {
            Key::Block(_, from_ms) => Some((*from_ms, bytes.as_slice())),
            _ => None,
        })
    }

    /// The time before which a learner's blocks were deleted, ms.
    fn swept_ms(&self, user_id: &str) -> i64 {
        let swept = self.records.get(&Key::Swept(user_id.to_owned()));
        let read = |bytes: &Vec<u8>| i64::from_be_bytes(bytes[..].try_into().expect("a time"));
        swept.map_or(ALWAYS.start, read)
    }

    fn write(&mut self, key: Key, bytes: Option<Vec<u8>>) {
        match bytes {
            Some(bytes) => self.records.insert(key.clone(), bytes),
            None => self.records.remove(&key),
        };
        self.changed.insert(key);
    }
}
