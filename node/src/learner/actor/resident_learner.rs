//! A learner in memory, and how it handles each message.

use std::sync::Arc;

use homeroom_core::{
    Event, Reason,
    learner::{Learner, Missing, StatePart, Verdict},
    shard::EntryContext,
};
use smallvec::SmallVec;
use tokio::task::block_in_place;

use super::growth::Growth;
use super::message::{GroupApplied, Read, Save, Verdicts};
use crate::learner::codec::{BlockSource, LoadError, Saved, Stored, fetch};

/// Memory of an actor and its directory entry, without the learner; measured with idle actors,
/// bytes.
pub const ACTOR_BYTES: u64 = 8_000;
/// Memory that an event adds to its learner, bytes: its identity, and its share of panes and facts.
const GROWTH_BYTES: u64 = 192;
/// The same without its texts, for events with long ones.
const GROWTH_WITHOUT_TEXTS: u64 = 96;
/// Encoded size of an event without long texts, bytes.
const SHORT_EVENT_BYTES: u64 = 128;
/// A learner is measured again once it has grown by this much, estimated, and by a sixth: so the
/// sum is never far off, and measuring takes little of the time that the events took.
const REMEASURED_BYTES: u64 = 5_000;
/// Memory of a course in the directory, bytes.
const SEAT_BYTES: u64 = 128;
/// Event times that an entry touched.
type Times = SmallVec<[i64; 4]>;

/// A learner, with an estimate of what there is to save of it.
pub struct ResidentLearner {
    learner: Learner,
    /// Reads evicted blocks.
    blocks: Arc<dyn BlockSource>,
    /// Size of the head, including its newest block, when it was last saved or loaded, bytes.
    head_bytes: u64,
    /// The learner's floor when its standings were last stored, ms. Courses before it can't have
    /// changed since.
    saved_floor_ms: i64,
    measured: Measured,
    /// Whether blocks were added or evicted since.
    is_resized: bool,
    /// Index of the entry at which it was saved, until that is durable. Until then nothing that was
    /// saved may be evicted.
    saved_at: Option<u64>,
    /// Growth since the last save.
    growth: Growth,
    /// Number of its courses reported to the shard.
    courses_reported: usize,
}

impl ResidentLearner {
    /// A stored learner; `blocks` reads its earlier blocks.
    pub fn of(stored: Stored, blocks: Arc<dyn BlockSource>) -> Self {
        let learner = stored.learner;
        Self {
            courses_reported: learner.courses(),
            measured: Measured::of(&learner),
            saved_floor_ms: if stored.standings_stored {
                learner.floor_ms()
            } else {
                i64::MIN
            },
            learner,
            blocks,
            head_bytes: stored.head_bytes,
            growth: Growth::default(),
            is_resized: false,
            saved_at: None,
        }
    }

    /// The learner's id.
    pub fn user_id(&self) -> &str {
        self.learner.user_id()
    }

    /// Prefetches what an event will need of the learner.
    pub fn prefetch(&self) {
        self.learner.prefetch();
    }

    /// Applies all events of one entry for the learner with this id, in order. May wait for the
    /// disk. Also evicts blocks that are durable up to `durable_index`, since the learner is in the
    /// caches now.
    ///
    /// # Errors
    /// When a block that an event needs can't be read.
    pub fn apply<'e>(
        &mut self,
        user_id: &str,
        context: &EntryContext,
        events: impl Iterator<Item = &'e [u8]>,
        durable_index: u64,
    ) -> Result<GroupApplied, LoadError> {
        self.learner.prune(context);
        let mut touched_ms = Times::new();
        let mut verdicts = Verdicts::new();
        for encoded in events {
            self.growth.add(encoded.len() as u64);
            self.measured.encoded_bytes += encoded.len() as u64;
            verdicts.push(self.apply_one(user_id, context, encoded, &mut touched_ms)?);
        }
        self.evict_blocks(durable_index);
        if std::mem::take(&mut self.is_resized) || self.measured.is_outgrown(&self.learner) {
            self.measured = Measured::of(&self.learner);
        }
        Ok(self.applied(context, verdicts, &touched_ms))
    }

    fn apply_one(
        &mut self,
        user_id: &str,
        context: &EntryContext,
        encoded: &[u8],
        touched_ms: &mut Times,
    ) -> Result<Verdict, LoadError> {
        let Ok(event) = Event::decode(user_id, encoded) else {
            return Ok(Verdict::Refused(Reason::Poison));
        };
        loop {
            match self.learner.apply(context, &event, encoded) {
                Ok(applied) => {
                    touched_ms.extend(applied.touched_ms);
                    return Ok(applied.verdict);
                }
                Err(Missing(blocks)) => {
                    block_in_place(|| fetch(&*self.blocks, &mut self.learner, &blocks))?;
                    self.is_resized = true;
                }
            }
        }
    }

    fn applied(
        &mut self,
        context: &EntryContext,
        verdicts: Verdicts,
        touched_ms: &[i64],
    ) -> GroupApplied {
        let learner = &self.learner;
        let corrected = learner.corrected(touched_ms, context, context.floor_ms);
        let joined: Vec<Box<str>> = learner.course_ids_from(self.courses_reported).collect();
        self.courses_reported += joined.len();
        GroupApplied {
            verdicts,
            joined,
            corrected_windows: corrected.len(),
            last_event_ms: learner.last_event_ms(),
            unsaved_bytes: self.head_bytes + self.growth.bytes() + learner.unsaved_apart_bytes(),
            memory_bytes: self.measured.memory_bytes(learner),
        }
    }

    /// Reads the learner without changing it.
    pub fn read(&self, Read { look }: Read) {
        look(&self.learner);
    }

    /// Evicts saved blocks that need not be in memory, once they are durable.
    fn evict_blocks(&mut self, durable_index: u64) {
        if (self.saved_at).is_some_and(|saved_at| saved_at <= durable_index) {
            self.saved_at = None;
            self.learner.evict_blocks();
            self.is_resized = true;
        }
    }

    /// Evicts what is durable. Returns the memory of the learner and its actor afterwards, bytes;
    /// `None` when nothing was evicted.
    pub fn evict_blocks_now(&mut self, durable_index: u64) -> Option<u64> {
        self.evict_blocks(durable_index);
        if self.saved_at.is_none() {
            // Also evicts blocks that were fetched since: they are stored unless they were changed.
            self.is_resized |= self.learner.evict_blocks();
        }
        std::mem::take(&mut self.is_resized).then(|| {
            self.measured = Measured::of(&self.learner);
            self.measured.memory_bytes(&self.learner)
        })
    }

    /// Hands over what differs from the stored state.
    pub fn save(&mut self, save: &Save) {
        // A learner without accepted events is not stored, so that made-up names take no room for
        // ever.
        let leaves = save.standings && self.learner.is_known();
        let standings = leaves.then(|| self.changed_standings());
        // Captures do not overlap: what was saved before is durable.
        self.evict_blocks(save.as_of);
        let changes = self.learner.take_changes(leaves);
        let head = changes.iter().find(|change| change.part == StatePart::Head);
        if let Some(bytes) = head.and_then(|head| head.bytes.as_ref()) {
            self.head_bytes = bytes.len() as u64;
        }
        self.growth = Growth::default();
        self.saved_at = Some(save.as_of);
        let saved = Saved {
            user_id: self.learner.user_id().into(),
            changes,
            standings,
        };
        let _ = save.reply.try_send(saved);
    }

    /// The standings to write.
    fn changed_standings(&mut self) -> Vec<(Box<str>, Vec<u8>)> {
        let learner = &self.learner;
        let standings: Vec<(Box<str>, Vec<u8>)> = learner
            .standings_since(self.saved_floor_ms)
            .map(|(course_id, standing)| (course_id, standing.encode()))
            .collect();
        self.saved_floor_ms = learner.floor_ms();
        standings
    }
}

/// A learner's memory when it was last measured, and what came since.
#[derive(Clone, Copy, Debug)]
struct Measured {
    /// Memory of the learner without its actor, bytes.
    bytes: u64,
    /// Its number of identities.
    identities: usize,
    /// Sum of the encoded sizes of the events since, bytes.
    encoded_bytes: u64,
}

impl Measured {
    /// Measures the learner, which takes too long for every entry.
    fn of(learner: &Learner) -> Self {
        Self {
            bytes: learner.memory_bytes() as u64,
            identities: learner.identities(),
            encoded_bytes: 0,
        }
    }

    /// What the learner has grown by since, estimated, bytes.
    fn grown_bytes(&self, learner: &Learner) -> u64 {
        let events = learner.identities().saturating_sub(self.identities) as u64;
        // Long texts are ids, which are kept in two places or more.
        let long_bytes = self
            .encoded_bytes
            .saturating_sub(SHORT_EVENT_BYTES * events);
        let with_texts = GROWTH_WITHOUT_TEXTS * events + self.encoded_bytes + long_bytes;
        // Events that were not taken over have no identity, and take nothing.
        match events {
            0 => 0,
            _ => with_texts.max(GROWTH_BYTES * events),
        }
    }

    fn is_outgrown(&self, learner: &Learner) -> bool {
        self.grown_bytes(learner) > REMEASURED_BYTES.max(self.bytes / 6)
    }

    /// Memory of the learner and its actor, bytes.
    fn memory_bytes(&self, learner: &Learner) -> u64 {
        let seats_bytes = SEAT_BYTES * learner.courses() as u64;
        ACTOR_BYTES + self.bytes + self.grown_bytes(learner) + seats_bytes
    }
}

/// Memory of a learner and its actor, bytes. Measures the learner, which takes time.
pub fn memory_of(learner: &Learner) -> u64 {
    Measured::of(learner).memory_bytes(learner)
}

#[cfg(test)]
#[path = "resident_learner_tests.rs"]
mod tests;
