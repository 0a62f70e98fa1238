//! One entry of a busy shard, as a whole and by its steps.

use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput,
    measurement::{Measurement, WallTime},
};
use homeroom_core::{
    Event,
    entry::{Command, Entry, Record, Records},
    learner::{NewPane, Verdict},
    shard::{Outcome, RecordVerdict},
    time::pane_start,
};
use std::{hint::black_box, time::Duration};

use crate::class::Class;

/// Events per entry, each of another learner.
const EVENTS: usize = 128;
/// Number of learners: more than any cache contains.
const MANY: usize = 10_000;
/// Earlier events of each learner.
const HISTORY: usize = 100;
/// A class is rebuilt after this many events of each learner, so that the learners keep their size.
const STEPS: usize = 10;

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("entry");
    group.throughput(Throughput::Elements(EVENTS as u64));
    whole(&mut group, "into_128_learners", EVENTS);
    whole(&mut group, "into_10000_learners", MANY);
    parts(&mut group);
    group.finish();
}

/// A class in progress, which is rebuilt when its entries are used up.
struct Lesson {
    begin: Class,
    class: Class,
    entries: Vec<Vec<u8>>,
    next: usize,
}

impl Lesson {
    fn new(learners: usize) -> Self {
        let (begin, mut scripts) = Class::of_many(learners, HISTORY, EVENTS);
        let steps = (0..STEPS).flat_map(|_| scripts.step(EVENTS));
        Self {
            class: begin.clone(),
            begin,
            // The last entry of a step may be shorter.
            entries: steps.filter(|entry| is_full(entry)).collect(),
            next: 0,
        }
    }

    fn next_entry(&mut self) -> usize {
        if self.next == self.entries.len() {
            self.class = self.begin.clone();
            self.next = 0;
        }
        self.next += 1;
        self.next - 1
    }
}

/// Decodes, groups by learner, applies and counts.
fn whole(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, learners: usize) {
    // Built only if this bench is selected.
    let mut lesson = None;
    group.bench_function(name, |bencher| {
        let lesson = lesson.get_or_insert_with(|| Lesson::new(learners));
        bencher.iter_custom(|iterations| {
            let clock = WallTime;
            (0..iterations).fold(Duration::ZERO, |sum, _| {
                let entry = lesson.next_entry();
                let begun = clock.start();
                let outcomes = lesson.class.apply(black_box(&lesson.entries[entry]));
                let taken = clock.end(begun);
                assert!(outcomes.iter().all(|it| *it == Outcome::Accepted));
                sum + taken
            })
        });
    });
}

/// The cost of an entry apart from its learners' work.
fn parts(group: &mut BenchmarkGroup<'_, WallTime>) {
    let lesson = Lesson::new(EVENTS);
    let bytes = &lesson.entries[0];
    group.bench_function("decode_with_events", |bencher| {
        bencher.iter(|| {
            let entry = Entry::decode(black_box(bytes)).expect("its own encoding can be read");
            for (user_id, encoded) in events(batch(entry)) {
                black_box(Event::decode(user_id, encoded).expect("its own encoding can be read"));
            }
        });
    });
    group.bench_function("begin_and_finish", |bencher| {
        let entry = Entry::decode(bytes).expect("its own encoding can be read");
        let log_time_ms = entry.log_time_ms;
        let events: Vec<(&str, &[u8])> = events(batch(entry)).collect();
        let accepted = |&(user_id, encoded)| RecordVerdict::Event {
            user_id,
            encoded,
            verdict: Verdict::Accepted {
                amends: false,
                began: Some(a_pane_alone(log_time_ms)),
                effect: 1,
            },
        };
        bencher.iter_batched_ref(
            || lesson.begin.shard.clone(),
            |shard| {
                let context = shard.begin(u64::MAX, log_time_ms, bytes);
                shard.finish(&context, events.iter().map(accepted))
            },
            BatchSize::PerIteration,
        );
    });
}

/// In a large class most events are a learner's first for a while.
fn a_pane_alone(time_ms: i64) -> NewPane {
    NewPane {
        start_ms: pane_start(time_ms),
        before_ms: i64::MIN,
        after_ms: i64::MAX,
    }
}

fn is_full(entry: &[u8]) -> bool {
    let entry = Entry::decode(entry).expect("its own encoding can be read");
    batch(entry).len() == EVENTS
}

fn batch(entry: Entry<'_>) -> Records<'_> {
    match entry.command {
        Command::Batch(records) => records,
        other => panic!("an entry of events alone, not {other:?}"),
    }
}

fn events(records: Records<'_>) -> impl Iterator<Item = (&str, &[u8])> {
    records.map(
        |record| match record.expect("its own encoding can be read") {
            Record::Event { user_id, event } => (user_id, event),
            Record::Refused(_) => panic!("no script is refused anything"),
        },
    )
}
