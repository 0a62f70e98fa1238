//! A shard and its learners in one thread: the work of a node on an entry, without its actors.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_core::{
    Event, Settings,
    entry::{Command, Entry, Record, RecordBuffer, encode_batch},
    learner::{Learner, Verdict},
    shard::{EntryContext, Outcome, RecordVerdict, ShardState},
};

use crate::script::{STEP_MS, Script, number_of, user_id};

/// Time from an event's source to the log, ms.
const TRAVEL_MS: i64 = 300;
/// Number of earlier events of the learner of [`Class::of_one`].
pub const HISTORY: usize = 1_000;
/// Events per session. It does not divide [`HISTORY`], so that the next events are in the middle of
/// a session.
const LONG_SESSION: i64 = 190;
/// Events per session where there are many learners.
const SHORT_SESSION: i64 = 30;

/// A shard and its learners, by number.
#[derive(Clone)]
pub struct Class {
    pub shard: ShardState,
    pub learners: Vec<Learner>,
    index: u64,
}

/// The scripts of all learners of a class. Each has one event per step, in an order of its own.
pub struct Scripts {
    scripts: Vec<Script>,
    rng: Rng,
}

impl Class {
    fn new(learners: usize) -> Self {
        let learners = (0..learners).map(|number| Learner::new(&user_id(number)));
        Self {
            shard: ShardState::new(Settings::default()),
            learners: learners.collect(),
            index: 0,
        }
    }

    /// One learner with [`HISTORY`] earlier events, these events, and the script that continues.
    pub fn of_one() -> (Self, Vec<Event<'static>>, Script) {
        let mut class = Self::new(1);
        let mut script = Script::new(0, LONG_SESSION, 0);
        let history: Vec<Event> = (0..HISTORY).map(|_| script.next_event()).collect();
        for event in &history {
            class.apply(&entry_of(std::slice::from_ref(event)));
        }
        (class, history, script)
    }

    /// A number of learners with a number of earlier events each, and the scripts that continue.
    pub fn of_many(learners: usize, events: usize, entry_events: usize) -> (Self, Scripts) {
        let mut class = Self::new(learners);
        let mut scripts = Scripts::new(learners);
        for _ in 0..events {
            for entry in scripts.step(entry_events) {
                class.apply(&entry);
            }
        }
        (class, scripts)
    }

    /// The context of an entry at a log time, ms.
    pub fn context(&mut self, log_time_ms: i64, bytes: &[u8]) -> EntryContext {
        self.index += 1;
        self.shard.begin(self.index, log_time_ms, bytes)
    }

    /// Applies one entry: decodes, groups by learner, applies and counts.
    pub fn apply(&mut self, bytes: &[u8]) -> Vec<Outcome> {
        let entry = Entry::decode(bytes).expect("its own encoding can be read");
        let context = self.context(entry.log_time_ms, bytes);
        let deliveries = deliveries(entry.command);
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, (user_id, _)) in deliveries.iter().enumerate() {
            groups.entry(user_id).or_default().push(place);
        }
        let mut verdicts = vec![Verdict::Shadowed; deliveries.len()];
        for (user_id, places) in groups {
            let learner = &mut self.learners[number_of(user_id)];
            apply_group(learner, &context, &deliveries, &places, &mut verdicts);
        }
        let records = deliveries.into_iter().zip(verdicts);
        self.shard.finish(
            &context,
            records.map(|((user_id, encoded), verdict)| RecordVerdict::Event {
                user_id,
                encoded,
                verdict,
            }),
        )
    }
}

impl Scripts {
    fn new(learners: usize) -> Self {
        // Spread over the step: then the log has them in order of time, as in a live class.
        let offset_ms = |number| STEP_MS * number as i64 / learners as i64;
        let script = |number| Script::new(number, SHORT_SESSION, offset_ms(number));
        let mut scripts: Vec<Script> = (0..learners).map(script).collect();
        let mut rng = Rng::with_seed(1);
        rng.shuffle(&mut scripts);
        Self { scripts, rng }
    }

    /// The next event of each learner, in entries of a given number of events.
    pub fn step(&mut self, entry_events: usize) -> Vec<Vec<u8>> {
        self.rng.shuffle(&mut self.scripts);
        let events: Vec<Event> = self.scripts.iter_mut().map(Script::next_event).collect();
        events.chunks(entry_events).map(entry_of).collect()
    }
}

/// An entry with these events, at the earliest time at which the newest of them can arrive.
pub fn entry_of(events: &[Event<'_>]) -> Vec<u8> {
    let mut records = RecordBuffer::default();
    for event in events {
        records.push_event(event);
    }
    encode_batch(log_time_ms(events), std::iter::once(&records))
}

/// The earliest time at which the newest of these events can arrive, ms.
pub fn log_time_ms(events: &[Event<'_>]) -> i64 {
    let times = events.iter().map(|event| event.timestamp_ms);
    times.max().expect("at least one event") + TRAVEL_MS
}

fn deliveries(command: Command<'_>) -> Vec<(&str, &[u8])> {
    let Command::Batch(records) = command else {
        panic!("a class applies only events");
    };
    let events = records.map(
        |record| match record.expect("its own encoding can be read") {
            Record::Event { user_id, event } => (user_id, event),
            Record::Refused(_) => panic!("no script is refused anything"),
        },
    );
    events.collect()
}

fn apply_group(
    learner: &mut Learner,
    context: &EntryContext,
    deliveries: &[(&str, &[u8])],
    places: &[usize],
    verdicts: &mut [Verdict],
) {
    learner.prune(context);
    let mut touched_ms = Vec::new();
    for &place in places {
        let (user_id, encoded) = deliveries[place];
        let event = Event::decode(user_id, encoded).expect("its own encoding can be read");
        let applied = learner.apply(context, &event, encoded);
        let applied = applied.expect("no block is evicted");
        touched_ms.extend(applied.touched_ms);
        verdicts[place] = applied.verdict;
    }
    std::hint::black_box(learner.corrected(&touched_ms, context, context.floor_ms));
}
