//! Encoding of events for the log.

use criterion::{Criterion, Throughput};
use homeroom_core::{
    Event,
    entry::{RecordBuffer, encode_batch},
};
use std::hint::black_box;

use crate::{class::log_time_ms, script::Script};

/// Events per entry.
const EVENTS: usize = 128;
/// Requests that are combined to one entry.
const PIECES: usize = 8;

pub fn benches(criterion: &mut Criterion) {
    let mut script = Script::new(0, 2 * EVENTS as i64, 0);
    let events: Vec<Event> = (0..EVENTS).map(|_| script.next_event()).collect();
    let pieces: Vec<RecordBuffer> = events.chunks(EVENTS / PIECES).map(records).collect();
    let log_time_ms = log_time_ms(&events);
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("events_into_records", |bencher| {
        bencher.iter(|| records(black_box(&events)));
    });
    group.bench_function("records_into_entry", |bencher| {
        bencher.iter(|| encode_batch(log_time_ms, black_box(&pieces).iter()));
    });
    group.finish();
}

fn records(events: &[Event<'_>]) -> RecordBuffer {
    let mut records = RecordBuffer::default();
    for event in events {
        records.push_event(event);
    }
    records
}
