//! Learners that have much of one thing, up to their bound: an event, a save with the standings, a
//! profile and a wake-up of each. None may take long, whatever a client sends.

use std::{hint::black_box, sync::Arc};

use criterion::{BatchSize, BenchmarkGroup, Criterion, measurement::WallTime};
use homeroom_core::{
    Event, EventType,
    learner::{Learner, StatePart, Verdict},
    shard::{EntryContext, ReadPoint},
};

const BEGUN_MS: i64 = 1_700_000_000_000;
/// Between two events: each is in another pane.
const STEP_MS: i64 = 5_000;
/// A day of events, if the learner is not full before.
const EVENTS_MAX: u64 = 17_280;

type Make = fn(u64) -> Event<'static>;

const KINDS: [(&str, Make); 4] = [
    ("courses", |number| Event {
        course_id: Some(format!("course-{number}").into()),
        ..bare(number, EventType::Click)
    }),
    ("sessions", |number| Event {
        session_id: Some(format!("session-{number}").into()),
        ..bare(number, EventType::Click)
    }),
    ("viewings", |number| Event {
        session_id: Some("lesson".into()),
        object_id: Some(format!("video-{number}").into()),
        ..bare(number, EventType::VideoPlayed)
    }),
    ("skills", |number| Event {
        course_id: Some(format!("course-{}", number % 100).into()),
        skill_id: Some(format!("skill-{number}").into()),
        score_millionths: Some(500_000),
        ..bare(number, EventType::QuestionAnswered)
    }),
];

fn bare(number: u64, event_type: EventType) -> Event<'static> {
    let at_ms = BEGUN_MS + number.cast_signed() * STEP_MS;
    Event::bare("ada", format!("event-{number}"), at_ms, event_type, "lms")
}

fn context(number: u64) -> EntryContext {
    let at_ms = BEGUN_MS + number.cast_signed() * STEP_MS;
    EntryContext {
        index: number + 1,
        log_time_ms: at_ms,
        watermark_ms: at_ms - 60_000,
        floor_ms: BEGUN_MS,
        block_events: 64,
        settings: Arc::default(),
    }
}

fn encoded(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode_into(&mut bytes);
    bytes
}

fn apply(learner: &mut Learner, number: u64, event: &Event<'_>, encoded: &[u8]) -> bool {
    let applied = learner.apply(&context(number), event, encoded);
    let applied = applied.expect("all of it is in memory");
    matches!(applied.verdict, Verdict::Accepted { .. })
}

/// A learner that takes no more of these events or has a day of them, and the next number.
fn full(make: Make) -> (Learner, u64) {
    let mut learner = Learner::new("ada");
    for number in 0..EVENTS_MAX {
        let event = make(number);
        if !apply(&mut learner, number, &event, &encoded(&event)) {
            return (learner, number);
        }
    }
    (learner, EVENTS_MAX)
}

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("heavy");
    for (what, make) in KINDS {
        let (mut learner, next) = full(make);
        let saved = learner.clone();
        bench_save(&mut group, what, &saved);
        let changes = learner.take_changes(true);
        let head = changes.into_iter().find(|it| it.part == StatePart::Head);
        let head = head.and_then(|head| head.bytes).expect("a head");
        // An event that finds room, and one that may not.
        let events = [
            ("click", bare(next, EventType::Click)),
            ("more", make(next)),
        ];
        for (name, event) in events {
            let bytes = encoded(&event);
            group.bench_function(format!("apply_{name}_to_{what}"), |bencher| {
                bencher.iter_batched_ref(
                    || learner.clone(),
                    |learner| apply(learner, next, &event, &bytes),
                    BatchSize::PerIteration,
                );
            });
        }
        group.bench_function(format!("wake_{what}"), |bencher| {
            bencher.iter_with_large_drop(|| {
                let learner = Learner::restore_partial("ada", black_box(&head), std::iter::empty());
                learner.expect("its own encoding can be read")
            });
        });
        let at = ReadPoint {
            watermark_ms: context(next).watermark_ms,
            event_clock_ms: context(next).log_time_ms,
            floor_ms: BEGUN_MS,
            allowed_lateness_ms: 30_000,
        };
        group.bench_function(format!("profile_of_{what}"), |bencher| {
            bencher.iter_with_large_drop(|| black_box(&learner).profile(&at));
        });
    }
    group.finish();
}

/// What a learner hands over before it is passivated.
fn bench_save(group: &mut BenchmarkGroup<'_, WallTime>, what: &str, learner: &Learner) {
    group.bench_function(format!("save_{what}"), |bencher| {
        bencher.iter_batched_ref(
            || learner.clone(),
            |learner| {
                let standings = learner.standings_since(i64::MIN);
                let bytes = standings.fold(0, |sum, (_, it)| sum + it.encode().len());
                (bytes, learner.take_changes(true))
            },
            BatchSize::PerIteration,
        );
    });
}
