//! What a learner's actor holds, and what it does with each message.

use std::sync::Arc;

use homeroom_core::{
    Event, Reason,
    learner::{Learner, Missing, StatePart, Verdict},
    shard::EntryContext,
};
use smallvec::SmallVec;
use tokio::task::block_in_place;

use super::growth::Growth;
use super::message::{GroupApplied, Read, Save, Seen, Verdicts};
use crate::learner::codec::{BlockSource, LoadError, Saved, Stored, fetch};

/// What an actor takes beside its learner, with its place in the directory: measured with idle actors, bytes.
pub const ACTOR_BYTES: u64 = 8_000;
/// What an event adds to its learner's memory, bytes: its identity, and its share of panes and facts.
const GROWTH_BYTES: u64 = 192;
/// What a standing takes in the directory, bytes.
const STANDING_BYTES: u64 = 512;
/// Event times that an entry touched.
type Times = SmallVec<[i64; 4]>;

/// The learner, and how large what there is to save of it can be.
pub struct ResidentLearner {
    learner: Learner,
    /// Where its blocks are that are not in memory.
    blocks: Arc<dyn BlockSource>,
    /// Size of the head, and the newest block in it, when it was last saved or loaded, bytes.
    head_bytes: u64,
    /// The floor of the learner when its standings were last stored: courses behind it can't have changed since, ms.
    saved_floor_ms: i64,
    /// What the learner took in memory when it was last measured, and how many identities it had then, bytes.
    measured: (u64, usize),
    /// Blocks came or went since.
    is_resized: bool,
    /// At which entry it was saved, until that is durable: before then nothing that was saved may leave the memory.
    saved_at: Option<u64>,
    /// What has come since.
    growth: Growth,
    /// So many of its courses the shard was told of.
    courses_told: usize,
}

impl ResidentLearner {
    /// A learner as it was stored; its earlier blocks are where `blocks` says.
    pub fn of(stored: Stored, blocks: Arc<dyn BlockSource>) -> Self {
        let learner = stored.learner;
        Self {
            courses_told: learner.courses(),
            measured: measure(&learner),
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

    /// Whose learner it is.
    pub fn user_id(&self) -> &str {
        self.learner.user_id()
    }

    /// Has the processor fetch what an event will need of the learner.
    pub fn prefetch(&self) {
        self.learner.prefetch();
    }

    /// Applies all events that one entry has for the learner with this id, in the entry's order. May wait for the disk. What entries up to
    /// `durable_index` did is durable: of that the learner lets go while it is at hand anyway.
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
            verdicts.push(self.apply_one(user_id, context, encoded, &mut touched_ms)?);
        }
        self.evict_blocks(durable_index);
        if std::mem::take(&mut self.is_resized) {
            self.measured = measure(&self.learner);
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
        let joined: Vec<Box<str>> = learner.course_ids_from(self.courses_told).collect();
        self.courses_told += joined.len();
        GroupApplied {
            verdicts,
            joined,
            corrected_windows: corrected.len(),
            last_event_ms: learner.last_event_ms(),
            unsaved_bytes: self.head_bytes + self.growth.bytes() + learner.unsaved_apart_bytes(),
            memory_bytes: memory_bytes(learner, self.measured),
        }
    }

    /// Looks at the learner, which stays as it is: what leaves the memory has to be durable, and that is known only when it is saved the next
    /// time.
    pub fn read(&self, Read { windows, look }: Read) {
        let missing = windows.map_or(Vec::new(), |query| self.learner.missing_for(&query));
        look(match missing.is_empty() {
            true => Seen::Whole(&self.learner),
            false => Seen::Lacking(Box::new(self.learner.clone()), missing),
        });
    }

    /// Has what was saved leave the memory, as far as it need not be there, once that is durable.
    fn evict_blocks(&mut self, durable_index: u64) {
        if (self.saved_at).is_some_and(|saved_at| saved_at <= durable_index) {
            self.saved_at = None;
            self.learner.evict_blocks();
            self.is_resized = true;
        }
    }

    /// What the learner takes with its actor, after it has let go of what is durable, bytes; `None` when there was nothing to let go of.
    pub fn evict_blocks_now(&mut self, durable_index: u64) -> Option<u64> {
        self.evict_blocks(durable_index);
        if self.saved_at.is_none() {
            // Of what was read back since, too: it is stored, unless it was changed.
            self.is_resized |= self.learner.evict_blocks();
        }
        std::mem::take(&mut self.is_resized).then(|| {
            self.measured = measure(&self.learner);
            memory_bytes(&self.learner, self.measured)
        })
    }

    /// Hands over what differs from the stored state.
    pub fn save(&mut self, save: &Save) {
        // Of whom nothing was accepted nothing is stored either: made-up names take no room for ever.
        let leaves = save.standings && self.learner.is_known();
        let standings = leaves.then(|| self.changed_standings());
        // Captures follow each other: what was saved before is durable.
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

    /// As they are to be written.
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

/// What a learner takes with its actor, bytes: takes as long as to measure it.
pub fn memory_of(learner: &Learner) -> u64 {
    memory_bytes(learner, measure(learner))
}

fn measure(learner: &Learner) -> (u64, usize) {
    (learner.memory_bytes() as u64, learner.identities())
}

/// To measure takes too long for every entry: since the last time it grew by its events.
fn memory_bytes(learner: &Learner, (measured, identities): (u64, usize)) -> u64 {
    let since = learner.identities().saturating_sub(identities) as u64;
    let courses = learner.courses() as u64;
    ACTOR_BYTES + measured + GROWTH_BYTES * since + STANDING_BYTES * courses
}

#[cfg(test)]
#[path = "resident_learner_tests.rs"]
mod tests;
