//! The core as a node runs it, in one process: takes entries, returns outcomes and emissions.

use std::collections::BTreeMap;

use homeroom_core::entry::{
    Command, Entry, Record, RecordBuffer, Records, encode_batch, encode_dead_letter_update,
    encode_settings, encode_tick,
};
use homeroom_core::learner::{ALWAYS, Learner, Missing, Verdict, WindowQuery};
use homeroom_core::shard::{EntryContext, Outcome, ReadPoint, RecordVerdict, ShardState};
use homeroom_core::{DeadLetterUpdate, Event, Refusal, Settings, WindowShape};

use crate::disk::Disk;

/// Few events per block, so that learners have many blocks.
const BLOCK_EVENTS: usize = 3;

/// More ticks than a shard ever has due in a row.
const TICKS_MAX: usize = 200;

/// One delivery, as ingress passes it on.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Delivery {
    /// A valid event.
    Event(Event<'static>),
    /// Refused by ingress.
    Refused(Refusal<'static>),
}

/// A shard and its learners.
#[derive(Debug)]
pub struct CoreRig {
    pub shard: ShardState,
    pub learners: BTreeMap<String, Learner>,
    /// All applied entries.
    pub log: Vec<Vec<u8>>,
    disk: Disk,
}

/// The result of an entry.
#[derive(Debug)]
pub struct Applied {
    /// The outcome of each delivery, in order.
    pub outcomes: Vec<Outcome>,
    /// By learner.
    pub emissions: Vec<(String, Emitted)>,
    /// The conditions under which its events were applied.
    pub context: EntryContext,
}

/// An emission as a sink receives it, with the revision of its window at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emitted {
    pub shape: WindowShape,
    pub start_ms: i64,
    pub revision: u32,
}

impl CoreRig {
    pub fn new(settings: Settings) -> CoreRig {
        CoreRig {
            shard: ShardState::new(settings),
            learners: BTreeMap::new(),
            log: Vec::new(),
            disk: Disk::default(),
        }
    }

    /// A rig that applied the same log.
    pub fn replayed(settings: Settings, log: &[Vec<u8>]) -> CoreRig {
        let mut rig = CoreRig::new(settings);
        for entry in log {
            rig.apply_entry(entry.clone());
        }
        rig
    }

    /// One batch.
    pub fn apply(&mut self, log_time_ms: i64, deliveries: &[Delivery]) -> Applied {
        // Two pieces, as from two publishers: an entry joins them.
        let (some, others) = deliveries.split_at(deliveries.len() / 2);
        let pieces = [piece(some), piece(others)];
        self.apply_entry(encode_batch(log_time_ms, pieces.iter()))
    }

    /// One event alone.
    pub fn apply_one(&mut self, log_time_ms: i64, event: Event<'static>) -> Applied {
        self.apply(log_time_ms, &[Delivery::Event(event)])
    }

    pub fn tick(&mut self, log_time_ms: i64) -> Applied {
        self.apply_entry(encode_tick(log_time_ms))
    }

    pub fn change_settings(&mut self, log_time_ms: i64, settings: &Settings) -> Applied {
        self.apply_entry(encode_settings(log_time_ms, settings))
    }

    pub fn update_dead_letters(&mut self, log_time_ms: i64, work: &DeadLetterUpdate) -> Applied {
        self.apply_entry(encode_dead_letter_update(log_time_ms, work))
    }

    /// Applies due ticks until none is due. Returns each with the watermark after it.
    pub fn run_to_rest(&mut self) -> Vec<(Applied, i64)> {
        let mut all = Vec::new();
        while let Some(due_ms) = self.shard.next_due_ms() {
            assert!(
                due_ms > self.shard.log_time_ms(),
                "a tick must be due in the future"
            );
            let applied = self.tick(due_ms);
            all.push((applied, self.at().watermark_ms));
            assert!(all.len() < TICKS_MAX, "the ticks never end");
        }
        all
    }

    pub fn at(&self) -> ReadPoint {
        self.shard.read_point()
    }

    pub fn watermark_ms(&self) -> Option<i64> {
        self.shard.freshness().watermark_ms
    }

    /// Stores everything, then restores all from the stored bytes.
    pub fn restart(&mut self) {
        self.disk.save_shard(&mut self.shard);
        for learner in self.learners.values_mut() {
            self.disk.save_learner(learner, false);
        }
        let shard = self.disk.shard();
        assert_eq!(shard, self.shard, "a shard comes back as it was");
        self.learners.retain(|_, learner| learner.is_known());
        let users: Vec<&String> = self.disk.users().collect();
        assert_eq!(users, self.learners.keys().collect::<Vec<_>>());
        let users: Vec<String> = users.into_iter().cloned().collect();
        for user_id in users {
            self.wake(&user_id);
        }
        self.shard = shard;
    }

    /// Passivates a learner and wakes it from its stored bytes.
    pub fn passivate(&mut self, user_id: &str) {
        if let Some(learner) = self.learners.get_mut(user_id).filter(|it| it.is_known()) {
            self.disk.save_learner(learner, true);
            self.wake(user_id);
        }
    }

    /// The same; blocks beyond the retention are deleted before the learner wakes.
    pub fn passivate_long(&mut self, user_id: &str) {
        let floor_ms = self.at().floor_ms;
        if let Some(learner) = self.learners.get_mut(user_id).filter(|it| it.is_known()) {
            self.disk.save_learner(learner, true);
            self.disk.sweep(user_id, floor_ms);
            self.wake_partial(user_id);
        }
    }

    /// A checkpoint: state stored by earlier ones is evicted.
    pub fn checkpoint(&mut self) {
        for learner in self.learners.values_mut() {
            learner.evict_blocks();
            self.disk.save_learner(learner, false);
        }
    }

    /// A learner with the blocks in memory that a query needs.
    pub fn ready_for(&self, user_id: &str, query: &WindowQuery) -> Learner {
        let mut learner = self.learners[user_id].clone();
        let missing = learner.missing_for(query);
        self.disk.restore_block(&mut learner, &missing);
        learner
    }

    /// The stored bytes of a learner's block; `None` if it was deleted.
    pub fn stored_block(&self, user_id: &str, from_ms: i64) -> Option<&[u8]> {
        self.disk.block(user_id, from_ms)
    }

    /// A learner with all its blocks in memory.
    pub fn whole(&self, user_id: &str) -> Learner {
        self.disk.whole(&self.learners[user_id])
    }

    fn wake(&mut self, user_id: &str) {
        let learner = self.disk.learner(user_id).expect("it was stored");
        let whole = self.whole(user_id);
        assert!(learner == whole, "a learner comes back as it was");
        self.wake_partial(user_id);
    }

    fn wake_partial(&mut self, user_id: &str) {
        let mut learner = self.disk.learner(user_id).expect("it was stored");
        learner.evict_blocks();
        let partial = self.disk.learner_partial(user_id).expect("it was stored");
        let evicted = |it: &Learner| it.missing_within(&ALWAYS);
        assert_eq!(evicted(&partial), evicted(&learner));
        if self.disk.is_enough(user_id) {
            // A block may contain a start from before the floor, which is needed only with that
            // block.
            let whole = |it: &Learner| self.disk.whole(it);
            assert_eq!(whole(&partial), whole(&learner), "nothing is missing");
        } else {
            assert_eq!(partial, learner, "what is away was never there");
        }
        self.learners.insert(user_id.to_owned(), partial);
    }

    fn apply_entry(&mut self, bytes: Vec<u8>) -> Applied {
        self.log.push(bytes.clone());
        let entry = Entry::decode(&bytes).expect("its own encoding can be read");
        let index = self.log.len() as u64;
        let context = EntryContext {
            block_events: BLOCK_EVENTS,
            ..self.shard.begin(index, entry.log_time_ms)
        };
        let mut touched = BTreeMap::new();
        let outcomes = match entry.command {
            Command::Batch(records) => {
                let verdicts = self.judge(&context, records, &mut touched);
                self.shard.finish(&context, verdicts.into_iter())
            }
            Command::Tick => self.shard.finish(&context, std::iter::empty()),
            Command::Settings(settings) => {
                self.shard.set_settings(*settings);
                self.shard.finish(&context, std::iter::empty())
            }
            Command::DeadLetters(work) => {
                self.shard.update_dead_letters(work);
                self.shard.finish(&context, std::iter::empty())
            }
        };
        let emissions = self.emissions(&context, &touched);
        let closes =
            |it: &&(String, Emitted)| it.1.start_ms + it.1.shape.size_ms > context.watermark_ms;
        assert_eq!(
            self.shard.close_windows(),
            emissions.iter().filter(closes).count() as u64,
            "a shard closes the windows that its learners have"
        );
        Applied {
            outcomes,
            emissions,
            context,
        }
    }

    fn judge<'e>(
        &mut self,
        context: &EntryContext,
        records: Records<'e>,
        touched: &mut BTreeMap<String, Vec<i64>>,
    ) -> Vec<RecordVerdict<'e>> {
        let mut verdicts = Vec::new();
        for record in records {
            verdicts.push(match record.expect("its own encoding can be read") {
                Record::Event { user_id, event } => RecordVerdict::Event {
                    user_id,
                    encoded: event,
                    verdict: self.judge_event(context, user_id, event, touched),
                },
                Record::Refused(refusal) => RecordVerdict::Refused(refusal),
            });
        }
        verdicts
    }

    fn judge_event(
        &mut self,
        context: &EntryContext,
        user_id: &str,
        encoded: &[u8],
        touched: &mut BTreeMap<String, Vec<i64>>,
    ) -> Verdict {
        let learner = self
            .learners
            .entry(user_id.to_owned())
            .or_insert_with(|| Learner::new(user_id));
        let touched = touched.entry(user_id.to_owned()).or_insert_with(|| {
            learner.prune(context);
            Vec::new()
        });
        let event = Event::decode(user_id, encoded).expect("its own encoding can be read");
        let applied = loop {
            match learner.apply(context, &event, encoded) {
                Ok(applied) => break applied,
                Err(Missing(blocks)) => self.disk.restore_block(learner, &blocks),
            }
        };
        touched.extend(applied.touched_ms);
        applied.verdict
    }

    fn emissions(
        &self,
        context: &EntryContext,
        touched: &BTreeMap<String, Vec<i64>>,
    ) -> Vec<(String, Emitted)> {
        let at = self.at();
        let shapes = &context.settings.windows;
        let mut emissions = Vec::new();
        for (user_id, learner) in &self.learners {
            let whole = &self.whole(user_id);
            let touched = touched.get(user_id).map_or(&[][..], Vec::as_slice);
            let corrected = learner.corrected(touched, context, at.floor_ms);
            let corrected = corrected.into_iter().map(|emission| Emitted {
                shape: emission.shape,
                start_ms: emission.start_ms,
                revision: (whole.revision(
                    emission.start_ms,
                    emission.start_ms + emission.shape.size_ms,
                    &at,
                ))
                .revision,
            });
            let passed_ms = (context.watermark_ms, at.watermark_ms);
            let closed = shapes
                .iter()
                .flat_map(|&shape| closings(whole, shape, passed_ms, &at));
            let all = corrected.chain(closed);
            emissions.extend(all.map(|emission| (user_id.clone(), emission)));
        }
        emissions
    }
}

/// The non-empty windows whose end the watermark passed between two times.
fn closings(
    learner: &Learner,
    shape: WindowShape,
    (from_ms, to_ms): (i64, i64),
    at: &ReadPoint,
) -> impl Iterator<Item = Emitted> {
    let windows = learner.windows(&WindowQuery::all(shape), at);
    windows
        .into_iter()
        .filter(move |window| from_ms < window.end_ms && window.end_ms <= to_ms)
        .map(move |window| Emitted {
            shape,
            start_ms: window.start_ms,
            revision: window.revision,
        })
}

fn piece(deliveries: &[Delivery]) -> RecordBuffer {
    let mut records = RecordBuffer::default();
    for delivery in deliveries {
        match delivery {
            Delivery::Event(event) => records.push_event(event),
            Delivery::Refused(refusal) => records.push_refusal(refusal.clone()),
        }
    }
    records
}
