//! Encoding of a learner to its records, and restoring from them.

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use homeroom_core::{
    Event,
    learner::{Learner, StatePart},
};
use std::hint::black_box;

use crate::{
    class::{Class, HISTORY, entry_of, log_time_ms},
    script::user_id,
};

/// The records of one learner.
struct Records {
    head: Vec<u8>,
    parts: Vec<(StatePart, Vec<u8>)>,
}

impl Records {
    fn of(mut learner: Learner, leaving: bool) -> Self {
        let mut records = Self {
            head: Vec::new(),
            parts: Vec::new(),
        };
        for change in learner.take_changes(leaving) {
            let bytes = change.bytes.expect("nothing has been forgotten");
            match change.part {
                StatePart::Head => records.head = bytes,
                part => records.parts.push((part, bytes)),
            }
        }
        records
    }

    fn restore(&self) -> Learner {
        let parts = self.parts.iter();
        let parts = parts.map(|(part, bytes)| (*part, &bytes[..]));
        Learner::restore(&user_id(0), &self.head, parts).expect("its own encoding can be read")
    }
}

pub fn benches(criterion: &mut Criterion) {
    let (mut class, _, mut script) = Class::of_one();
    let next = script.next_event();
    let whole = class.learners[0].clone();
    let records = Records::of(whole.clone(), false);
    let passivated = Records::of(whole.clone(), true);
    let mut group = criterion.benchmark_group("checkpoint");
    group.throughput(Throughput::Elements(HISTORY as u64));
    bench_encode(&mut group, "encode_1000_events", &whole);
    group.bench_function("decode_1000_events", |bencher| {
        bencher.iter_with_large_drop(|| black_box(&records).restore());
    });
    group.throughput(Throughput::Elements(1));
    class.learners[0] = records.restore();
    class.apply(&entry_of(std::slice::from_ref(&next)));
    let later = script.next_event();
    bench_encode(&mut group, "encode_after_one_event", &class.learners[0]);
    group.bench_function("encode_standings", |bencher| {
        bencher.iter(|| {
            let standings = black_box(&whole).standings_since(i64::MIN);
            standings.fold(0, |bytes, (_, standing)| bytes + standing.encode().len())
        });
    });
    bench_wake(&mut group, &mut class, &passivated, &next);
    bench_past(&mut group, class, &later);
    group.finish();
}

/// The eviction of blocks, and what each checkpoint costs after it.
fn bench_past(group: &mut BenchmarkGroup<'_, WallTime>, mut class: Class, next: &Event<'_>) {
    class.learners[0].take_changes(false);
    let stored = class.learners[0].clone();
    group.bench_function("evict_blocks_of_1000_events", |bencher| {
        bencher.iter_batched_ref(
            || stored.clone(),
            Learner::evict_blocks,
            BatchSize::PerIteration,
        );
    });
    class.learners[0].evict_blocks();
    class.apply(&entry_of(std::slice::from_ref(next)));
    bench_encode(group, "encode_with_blocks_evicted", &class.learners[0]);
}

fn bench_encode(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, learner: &Learner) {
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            || learner.clone(),
            |learner| learner.take_changes(false),
            BatchSize::PerIteration,
        );
    });
}

/// The wake-up of a passivated learner by an event. Only the head is read.
fn bench_wake(
    group: &mut BenchmarkGroup<'_, WallTime>,
    class: &mut Class,
    records: &Records,
    event: &Event<'_>,
) {
    let context = class.context(log_time_ms(std::slice::from_ref(event)), &[]);
    let mut encoded = Vec::new();
    event.encode_into(&mut encoded);
    group.bench_function("wake_for_one_event", |bencher| {
        bencher.iter_with_large_drop(|| {
            let head = black_box(&records.head);
            let learner = Learner::restore_partial(&user_id(0), head, std::iter::empty());
            let mut learner = learner.expect("its own encoding can be read");
            learner.prune(&context);
            let event = Event::decode(&event.user_id, &encoded);
            let event = event.expect("its own encoding can be read");
            (learner.apply(&context, &event, &encoded), learner)
        });
    });
}
