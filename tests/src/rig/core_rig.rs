//! A shard and its learners, as one replica holds them.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_core::entry::{
    Command, Entry, Record, Records, encode_batch, encode_dead_letter_update, encode_settings,
    encode_tick,
};
use homeroom_core::learner::{ALWAYS, Learner, Missing, Verdict, WindowQuery};
use homeroom_core::shard::{EntryContext, Outcome, ReadPoint, RecordVerdict, ShardState};
use homeroom_core::{DeadLetterUpdate, Event, Settings};

use super::applied::{Applied, Effect};
use super::delivery::Delivery;
use super::disk::{Captured, Disk};
use super::emitted::{Emitted, emissions};

/// Few events per block, so that learners have many blocks.
const BLOCK_EVENTS: usize = 3;

/// More ticks than a shard ever has due in a row.
const TICKS_MAX: usize = 200;

/// A shard and its learners.
#[derive(Debug)]
pub struct CoreRig {
    /// The shard besides its learners.
    pub shard: ShardState,
    /// The learners that had an event since the last restart, or are stored.
    pub learners: BTreeMap<String, Learner>,
    /// All entries that the rig made itself.
    pub log: Vec<Vec<u8>>,
    disk: Disk,
}

impl CoreRig {
    /// A shard before its first entry.
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
            rig.apply_next(entry.clone());
        }
        rig
    }

    /// A rig that begins from the records of a checkpoint: the state of the newest capture, and
    /// all records as the captures up to it left them. Learners are in memory as after a start.
    pub fn restored(state: Vec<u8>, records: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> CoreRig {
        let disk = Disk::of(state, records);
        let mut rig = CoreRig {
            shard: disk.shard(),
            learners: BTreeMap::new(),
            log: Vec::new(),
            disk,
        };
        rig.wake_all();
        rig
    }

    /// One batch.
    pub fn apply(&mut self, log_time_ms: i64, deliveries: &[Delivery]) -> Applied {
        // Two pieces, as from two publishers: an entry joins them.
        let (some, others) = deliveries.split_at(deliveries.len() / 2);
        let pieces = [Delivery::piece(some), Delivery::piece(others)];
        self.apply_next(encode_batch(log_time_ms, pieces.iter()))
    }

    /// One event alone.
    pub fn apply_one(&mut self, log_time_ms: i64, event: Event<'static>) -> Applied {
        self.apply(log_time_ms, &[Delivery::Event(event)])
    }

    /// An entry that only advances log time.
    pub fn tick(&mut self, log_time_ms: i64) -> Applied {
        self.apply_next(encode_tick(log_time_ms))
    }

    /// A change of settings.
    pub fn change_settings(&mut self, log_time_ms: i64, settings: &Settings) -> Applied {
        self.apply_next(encode_settings(log_time_ms, settings))
    }

    /// An update of dead letters.
    pub fn update_dead_letters(&mut self, log_time_ms: i64, work: &DeadLetterUpdate) -> Applied {
        self.apply_next(encode_dead_letter_update(log_time_ms, work))
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

    /// Applies an entry of a log that the caller keeps, and returns its outcomes. Indexes may have
    /// gaps, but only grow.
    ///
    /// # Panics
    /// When the entry can't be read.
    pub fn apply_entry(&mut self, index: u64, bytes: &[u8]) -> Vec<Outcome> {
        self.take(index, bytes).outcomes
    }

    /// The point at which reads see the shard.
    pub fn at(&self) -> ReadPoint {
        self.shard.read_point()
    }

    /// The watermark, ms; `None` before the first accepted event.
    pub fn watermark_ms(&self) -> Option<i64> {
        self.shard.freshness().watermark_ms
    }

    /// Evicts, passivates, or stores and restores, by chance; often nothing.
    pub fn disturb(&mut self, rng: &mut Rng) {
        let users: Vec<String> = self.learners.keys().cloned().collect();
        let user_id = rng.choice(&users).map_or("", String::as_str);
        match rng.usize(..20) {
            0 => self.restart(),
            1 => self.passivate(user_id),
            2 => self.passivate_long(user_id),
            3..8 => self.checkpoint(),
            _ => {}
        }
    }

    /// Stores everything, then restores all from the stored bytes.
    pub fn restart(&mut self) {
        self.save();
        let shard = self.disk.shard();
        assert_eq!(shard, self.shard, "a shard comes back as it was");
        self.learners.retain(|_, learner| learner.is_known());
        let users: Vec<&String> = self.disk.users().collect();
        assert_eq!(users, self.learners.keys().collect::<Vec<_>>());
        for user_id in users.into_iter().cloned().collect::<Vec<_>>() {
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

    /// A checkpoint whose records the caller keeps: state stored by earlier ones is evicted, and
    /// what changed since the last capture is returned.
    pub fn capture(&mut self) -> Captured {
        self.checkpoint();
        self.disk.save_shard(&mut self.shard);
        self.disk.capture()
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

    fn save(&mut self) {
        self.disk.save_shard(&mut self.shard);
        for learner in self.learners.values_mut() {
            self.disk.save_learner(learner, false);
        }
    }

    fn wake_all(&mut self) {
        for user_id in self.disk.users().cloned().collect::<Vec<_>>() {
            self.wake_partial(&user_id);
        }
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

    fn apply_next(&mut self, bytes: Vec<u8>) -> Applied {
        let index = self.log.len() as u64 + 1;
        let effect = self.take(index, &bytes);
        self.log.push(bytes);
        let emissions = self.emissions(&effect);
        let context = effect.context;
        let closes =
            |it: &&(String, Emitted)| it.1.start_ms + it.1.shape.size_ms > context.watermark_ms;
        assert_eq!(
            effect.closed,
            emissions.iter().filter(closes).count() as u64,
            "a shard closes the windows that its learners have"
        );
        Applied {
            outcomes: effect.outcomes,
            emissions,
            context,
        }
    }

    fn take(&mut self, index: u64, bytes: &[u8]) -> Effect {
        let entry = Entry::decode(bytes).expect("an entry can be read");
        let context = EntryContext {
            block_events: BLOCK_EVENTS,
            ..self.shard.begin(index, entry.log_time_ms, bytes)
        };
        let mut touched = BTreeMap::new();
        let mut verdicts = Vec::new();
        match entry.command {
            Command::Batch(records) => verdicts = self.judge(&context, records, &mut touched),
            Command::Tick => {}
            Command::Settings(settings) => self.shard.set_settings(*settings),
            Command::DeadLetters(work) => self.shard.update_dead_letters(work),
        }
        let outcomes = self.shard.finish(&context, verdicts.into_iter());
        Effect {
            outcomes,
            context,
            touched,
            closed: self.shard.close_windows(),
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

    fn emissions(&self, effect: &Effect) -> Vec<(String, Emitted)> {
        let (at, context) = (self.at(), &effect.context);
        let of = |(user_id, learner): (&String, &Learner)| {
            let touched = effect.touched.get(user_id).map_or(&[][..], Vec::as_slice);
            let emitted = emissions(learner, &self.whole(user_id), touched, context, &at);
            let named = emitted
                .into_iter()
                .map(|emission| (user_id.clone(), emission));
            named.collect::<Vec<_>>()
        };
        self.learners.iter().flat_map(of).collect()
    }
}
