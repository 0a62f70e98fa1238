//! Reads of a learner, as queries do them.

use criterion::{Criterion, Throughput};
use homeroom_core::{WindowShape, learner::WindowQuery, time::MINUTE_MS};
use std::hint::black_box;

use crate::class::Class;

pub fn benches(criterion: &mut Criterion) {
    let (class, _, _) = Class::of_one();
    let (learner, at) = (&class.learners[0], class.shard.read_point());
    let newest_ms = learner.last_event_ms() / MINUTE_MS * MINUTE_MS;
    let one = WindowQuery {
        from_ms: Some(newest_ms),
        to_ms: Some(newest_ms + 1),
        ..WindowQuery::all(WindowShape::MINUTE)
    };
    let all = WindowQuery::all(WindowShape::MINUTE);
    assert_eq!(learner.windows(&one, &at).len(), 1);
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(1));
    group.bench_function("profile", |bencher| {
        bencher.iter(|| black_box(learner).profile(&at));
    });
    group.bench_function("window", |bencher| {
        bencher.iter(|| black_box(learner).windows(black_box(&one), &at));
    });
    group.throughput(Throughput::Elements(learner.windows(&all, &at).len() as u64));
    group.bench_function("windows_of_the_day", |bencher| {
        bencher.iter(|| black_box(learner).windows(black_box(&all), &at));
    });
    group.finish();
}
