//! One event applied to a learner.

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use homeroom_core::{
    Event,
    learner::{Learner, Verdict},
    shard::EntryContext,
};
use std::hint::black_box;

use crate::{
    class::{Class, log_time_ms},
    script::{Act, Script},
};

/// Events per iteration: enough to make the clock's cost negligible, few compared to the learner's
/// earlier events.
const EVENTS: usize = 32;

/// Events with their encoding, and the expected verdict.
struct Delivered {
    events: Vec<(Event<'static>, Vec<u8>)>,
    context: EntryContext,
    are_duplicates: bool,
}

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(EVENTS as u64));
    into_fresh(&mut group);
    for (name, act) in [
        ("browsing_after_1000", Act::Browse),
        ("video_after_1000", Act::Watch),
        ("scored_after_1000", Act::Answer),
    ] {
        let (mut class, _, mut script) = Class::of_one();
        let events = (0..EVENTS).map(|_| script.next_of(act)).collect();
        let delivered = Delivered::accepted(&mut class, events);
        into_known(&mut group, name, &class.learners[0], &delivered);
    }
    let (mut class, history, _) = Class::of_one();
    let every = history.len() / EVENTS;
    let again = history.into_iter().step_by(every).take(EVENTS).collect();
    let delivered = Delivered {
        are_duplicates: true,
        ..Delivered::accepted(&mut class, again)
    };
    into_known(
        &mut group,
        "duplicate_after_1000",
        &class.learners[0],
        &delivered,
    );
    group.finish();
}

impl Delivered {
    fn accepted(class: &mut Class, events: Vec<Event<'static>>) -> Self {
        let context = class.context(log_time_ms(&events), &[]);
        let encoded = |event: Event<'static>| {
            let mut bytes = Vec::new();
            event.encode_into(&mut bytes);
            (event, bytes)
        };
        Self {
            events: events.into_iter().map(encoded).collect(),
            context,
            are_duplicates: false,
        }
    }
}

/// Each event is the first of a learner.
fn into_fresh(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (mut class, _) = Class::of_many(1, 0, 1);
    let first = |number| Script::new(number, EVENTS as i64, 0).next_event();
    let delivered = Delivered::accepted(&mut class, (0..EVENTS).map(first).collect());
    let learner = |(event, _): &(Event, _)| Learner::new(&event.user_id);
    group.bench_function("first", |bencher| {
        bencher.iter_batched_ref(
            || delivered.events.iter().map(learner).collect::<Vec<_>>(),
            |learners| {
                for (learner, (event, encoded)) in learners.iter_mut().zip(&delivered.events) {
                    let _ = black_box(learner.apply(&delivered.context, black_box(event), encoded));
                }
            },
            BatchSize::PerIteration,
        );
    });
}

/// All events are of one learner, which is reset before each iteration.
fn into_known(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    learner: &Learner,
    delivered: &Delivered,
) {
    let mut rehearsed = learner.clone();
    for (event, encoded) in &delivered.events {
        let verdict = rehearsed.apply(&delivered.context, event, encoded);
        let verdict = verdict.expect("no block is evicted").verdict;
        let as_told = match verdict {
            Verdict::Duplicate { conflicting: false } => delivered.are_duplicates,
            Verdict::Accepted { amends: false, .. } => !delivered.are_duplicates,
            _ => false,
        };
        assert!(as_told, "{name}: {event:?} is {verdict:?}");
    }
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            || learner.clone(),
            |learner| {
                for (event, encoded) in &delivered.events {
                    let _ = black_box(learner.apply(&delivered.context, black_box(event), encoded));
                }
            },
            BatchSize::PerIteration,
        );
    });
}
