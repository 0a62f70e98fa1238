//! A shard's stored records, in memory. Only bytes are written and read.

use std::collections::BTreeMap;

use homeroom_core::learner::{ALWAYS, Learner, RequiredParts, StatePart};
use homeroom_core::shard::ShardState;

const HOUR_MS: i64 = 3_600_000;

/// Stored records, written as by checkpoints: each time what changed.
#[derive(Debug, Default)]
pub struct Disk {
    shard: Vec<u8>,
    letters: BTreeMap<u64, Vec<u8>>,
    heads: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<String, BTreeMap<StatePart, Vec<u8>>>,
    /// Per learner, the time (ms) before which blocks were deleted.
    swept_ms: BTreeMap<String, i64>,
}

impl Disk {
    /// Writes the shard's own record and its changed dead letters.
    pub fn save_shard(&mut self, shard: &mut ShardState) {
        for change in shard.dead_letters_mut().take_changes() {
            match change.bytes {
                Some(bytes) => self.letters.insert(change.number, bytes),
                None => self.letters.remove(&change.number),
            };
        }
        self.shard = shard.encode();
    }

    /// Writes the changed records of a learner.
    pub fn save_learner(&mut self, learner: &mut Learner, leaving: bool) {
        let user_id = learner.user_id().to_owned();
        for change in learner.take_changes(leaving) {
            let parts = self.parts.entry(user_id.clone()).or_default();
            match (change.part, change.bytes) {
                (StatePart::Head, Some(bytes)) => {
                    self.heads.insert(user_id.clone(), bytes);
                }
                (StatePart::Head, None) => panic!("a head is never deleted"),
                (part, Some(bytes)) => {
                    parts.insert(part, bytes);
                }
                (part, None) => {
                    parts.remove(&part);
                }
            }
        }
        assert!(!learner.has_changes());
    }

    /// Deletes the blocks before the floor of a passivated learner.
    pub fn sweep(&mut self, user_id: &str, floor_ms: i64) {
        let hour = |time_ms: i64| time_ms.div_euclid(HOUR_MS);
        let swept_ms = hour(floor_ms) * HOUR_MS;
        self.swept_ms.insert(user_id.to_owned(), swept_ms);
        if let Some(parts) = self.parts.get_mut(user_id) {
            parts.retain(|part, _| match part {
                StatePart::Block(from_ms) => hour(*from_ms) >= hour(floor_ms),
                StatePart::Head => true,
            });
        }
    }

    /// Loads the named blocks into a learner.
    pub fn restore_block(&self, learner: &mut Learner, blocks: &[i64]) {
        for &from_ms in blocks {
            let bytes = &self.parts[learner.user_id()][&StatePart::Block(from_ms)];
            let read = learner.restore_block(from_ms, bytes);
            read.expect("what was written can be read");
        }
    }

    /// The stored bytes of a block; `None` if it was deleted.
    pub fn block(&self, user_id: &str, from_ms: i64) -> Option<&[u8]> {
        let block = self.parts[user_id].get(&StatePart::Block(from_ms));
        block.map(Vec::as_slice)
    }

    /// The learner with all its stored blocks in memory.
    pub fn whole(&self, learner: &Learner) -> Learner {
        let mut whole = learner.clone();
        let swept_ms = self.swept_ms.get(learner.user_id());
        let kept_ms = swept_ms.copied().unwrap_or(ALWAYS.start)..ALWAYS.end;
        self.restore_block(&mut whole, &learner.missing_within(&kept_ms));
        assert!(whole.missing_within(&kept_ms).is_empty());
        whole
    }

    /// The shard, restored from its bytes.
    pub fn shard(&self) -> ShardState {
        let letters = self
            .letters
            .iter()
            .map(|(&number, bytes)| (number, bytes.clone()));
        ShardState::restore(&self.shard, letters).expect("what was written can be read")
    }

    /// A learner, restored from its bytes; `None` when nothing is stored.
    pub fn learner(&self, user_id: &str) -> Option<Learner> {
        let head = self.heads.get(user_id)?;
        let parts = self.parts.get(user_id).into_iter().flatten();
        let parts = parts.map(|(&part, bytes)| (part, bytes.as_slice()));
        Some(Learner::restore(user_id, head, parts).expect("what was written can be read"))
    }

    /// The same without its past: besides the head, only the parts that the head requires are read.
    pub fn learner_partial(&self, user_id: &str) -> Option<Learner> {
        let head = self.heads.get(user_id)?;
        let needed = Learner::required_parts(head).expect("what was written can be read");
        let is_needed = |part: &StatePart| match (&needed, part) {
            (RequiredParts::All, _) => true,
            (RequiredParts::Blocks(needed), StatePart::Block(from_ms)) => needed.contains(from_ms),
            (RequiredParts::Blocks(_), StatePart::Head) => false,
        };
        let parts = self.parts.get(user_id).into_iter().flatten();
        let parts = parts.filter(|(part, _)| is_needed(part));
        let parts = parts.map(|(&part, bytes)| (part, bytes.as_slice()));
        Some(Learner::restore_partial(user_id, head, parts).expect("what was written can be read"))
    }

    /// Whether a learner's head names the parts that it requires.
    pub fn is_enough(&self, user_id: &str) -> bool {
        let needed = self
            .heads
            .get(user_id)
            .map(|head| Learner::required_parts(head));
        matches!(needed, Some(Ok(RequiredParts::Blocks(_))))
    }

    /// All stored learners.
    pub fn users(&self) -> impl Iterator<Item = &String> {
        self.heads.keys()
    }
}
