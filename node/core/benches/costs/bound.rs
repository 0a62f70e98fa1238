//! Learners at their bounds: what they cost when an event comes, when they are saved, and when they
//! wake.

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use homeroom_core::{
    Event, EventType, Settings,
    learner::{Learner, RequiredParts, StatePart, Verdict},
    shard::{EntryContext, ShardState},
};
use std::{collections::BTreeMap, hint::black_box};

/// Start of all lives, ms since the epoch: a full hour.
const BEGIN_MS: i64 = 1_760_000_400_000;
const USER: &str = "s0000000@school.example.org";
/// Events per iteration: among them are two after which what is kept is counted.
const EVENTS: usize = 32;
/// Refused events in a row after which a learner is at its bound.
const REFUSED: u32 = 40;

/// An event of a learner, by its number.
type Script = fn(u64) -> Event<'static>;

/// Learners that fill one bound.
#[derive(Clone, Copy)]
struct Life {
    name: &'static str,
    script: Script,
    /// The most events that it has.
    events: u64,
}

/// A learner at a bound, all of it in memory and stored.
struct Full {
    learner: Learner,
    context: EntryContext,
    /// Number of the next event.
    next: u64,
    /// The records of its blocks.
    blocks: BTreeMap<i64, Vec<u8>>,
}

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bound");
    group.sample_size(10);
    for (name, script, events) in [
        ("sessions", sessions as Script, u64::MAX),
        ("courses", courses, u64::MAX),
        ("skills", skills, u64::MAX),
        ("open_videos", open_videos, u64::MAX),
        ("starts", starts, u64::MAX),
        ("one_viewing", one_viewing, u64::MAX),
        ("longer", one_viewing, 4_096),
        ("attempts", attempts, u64::MAX),
        ("types", types, u64::MAX),
        ("identities", identities, u64::MAX),
    ] {
        let life = Life {
            name,
            script,
            events,
        };
        // Built only if one of its benches is selected.
        let mut full = None;
        bench_apply(
            &mut group,
            life,
            &mut full,
            ("next", |script, number| script(number)),
        );
        bench_apply(&mut group, life, &mut full, ("late", late));
        bench_apply(&mut group, life, &mut full, ("click", click));
        if name == "longer" {
            bench_apply(&mut group, life, &mut full, ("longer", longer));
        }
        bench_save(&mut group, life, &mut full);
        bench_wake(&mut group, life, &mut full);
    }
    group.finish();
}

impl Full {
    /// Nearly as many events of a life as have room: further ones are accepted, and cost the most.
    fn of(life: Life) -> Self {
        let all = Self::with(life, life.events).learner.events();
        let mut full = Self::with(life, all - all / 50);
        for change in full.learner.take_changes(false) {
            if let (StatePart::Block(from_ms), Some(bytes)) = (change.part, change.bytes) {
                full.blocks.insert(from_ms, bytes);
            }
        }
        full
    }

    fn with(life: Life, events: u64) -> Self {
        let context = ShardState::new(Settings::default()).begin(1, BEGIN_MS, &[]);
        let mut full = Self {
            learner: Learner::new(USER),
            context,
            next: 0,
            blocks: BTreeMap::new(),
        };
        let mut refused = 0;
        while refused < REFUSED && full.learner.events() < events {
            refused = match full.apply(&(life.script)(full.next)) {
                true => 0,
                false => refused + 1,
            };
            full.next += 1;
        }
        full
    }

    fn apply(&mut self, event: &Event<'_>) -> bool {
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        let applied = self.learner.apply(&self.context, event, &encoded);
        let verdict = applied.expect("no block is evicted").verdict;
        matches!(verdict, Verdict::Accepted { .. })
    }
}

/// Further events, [`EVENTS`] in a row.
fn bench_apply(
    group: &mut BenchmarkGroup<'_, WallTime>,
    life: Life,
    full: &mut Option<Full>,
    (way, of): (&str, fn(Script, u64) -> Event<'static>),
) {
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function(format!("{}_{way}", life.name), |bencher| {
        let full = full.get_or_insert_with(|| Full::of(life));
        let numbers = (full.next..).take(EVENTS);
        let events = numbers.map(|number| encoded(of(life.script, number)));
        let events: Vec<(Event<'_>, Vec<u8>)> = events.collect();
        bencher.iter_batched_ref(
            || full.learner.clone(),
            |learner| {
                for (event, encoded) in &events {
                    let _ = black_box(learner.apply(&full.context, black_box(event), encoded));
                }
            },
            BatchSize::PerIteration,
        );
    });
}

/// What changed with one event, a click.
fn bench_save(group: &mut BenchmarkGroup<'_, WallTime>, life: Life, full: &mut Option<Full>) {
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("{}_save", life.name), |bencher| {
        let full = full.get_or_insert_with(|| Full::of(life));
        let (event, encoded) = encoded(click(life.script, full.next));
        let mut learner = full.learner.clone();
        let _ = black_box(learner.apply(&full.context, &event, &encoded));
        bencher.iter_batched_ref(
            || learner.clone(),
            |learner| learner.take_changes(false),
            BatchSize::PerIteration,
        );
    });
}

/// A passivated learner from its head and the blocks that the head names.
fn bench_wake(group: &mut BenchmarkGroup<'_, WallTime>, life: Life, full: &mut Option<Full>) {
    group.bench_function(format!("{}_wake", life.name), |bencher| {
        let full = full.get_or_insert_with(|| Full::of(life));
        let changes = full.learner.clone().take_changes(true);
        let head = changes.into_iter().find(|it| it.part == StatePart::Head);
        let head = head.and_then(|it| it.bytes).expect("a head is written");
        let required = Learner::required_parts(&head).expect("its own encoding can be read");
        let RequiredParts::Blocks(required) = required else {
            panic!("the head of a passivated learner names what it needs");
        };
        let parts = required.iter().map(|from_ms| {
            let bytes = full.blocks.get(from_ms).expect("all blocks are stored");
            (StatePart::Block(*from_ms), &bytes[..])
        });
        bencher.iter_with_large_drop(|| {
            let learner = Learner::restore_partial(USER, black_box(&head), parts.clone());
            learner.expect("its own encoding can be read")
        });
    });
}

fn encoded(event: Event<'static>) -> (Event<'static>, Vec<u8>) {
    let mut bytes = Vec::new();
    event.encode_into(&mut bytes);
    (event, bytes)
}

/// In the middle of the life.
fn late(script: Script, number: u64) -> Event<'static> {
    Event {
        timestamp_ms: script(number / 2).timestamp_ms,
        ..script(number)
    }
}

fn click(script: Script, number: u64) -> Event<'static> {
    let timestamp_ms = script(number).timestamp_ms;
    Event {
        session_id: Some("the session".into()),
        ..event(number, timestamp_ms, EventType::Click)
    }
}

/// A greater length of the only video, each time. All stops are credited with less.
fn longer(script: Script, number: u64) -> Event<'static> {
    Event {
        length_ms: Some(number.saturating_sub(4_000)),
        ..script(number)
    }
}

fn event(number: u64, timestamp_ms: i64, event_type: EventType) -> Event<'static> {
    Event::bare(USER, uuid(number), timestamp_ms, event_type, "lms")
}

/// The usual text of an id.
fn uuid(number: u64) -> String {
    let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{spread:016x}-{number:019}")
}

fn at_ms(number: u64, every_ms: i64) -> i64 {
    BEGIN_MS + number.cast_signed() * every_ms
}

fn sessions(number: u64) -> Event<'static> {
    Event {
        session_id: Some(uuid(number).into()),
        ..event(number, at_ms(number, 1_000), EventType::SessionStart)
    }
}

fn courses(number: u64) -> Event<'static> {
    Event {
        course_id: Some(format!("c{number}").into()),
        ..event(number, at_ms(number, 1_000), EventType::Click)
    }
}

fn skills(number: u64) -> Event<'static> {
    Event {
        skill_id: Some(format!("k{number}").into()),
        score_millionths: Some(0),
        ..event(number, at_ms(number, 1_000), EventType::QuestionAnswered)
    }
}

/// All attempts are of one skill, and replaced events make room for others.
fn attempts(number: u64) -> Event<'static> {
    Event {
        attempt_id: Some(format!("a{number}").into()),
        skill_id: Some("fractions".into()),
        score_millionths: Some(0),
        ..event(number, at_ms(number, 400), EventType::QuizSubmitted)
    }
}

fn open_videos(number: u64) -> Event<'static> {
    Event {
        object_id: Some(format!("v{number}").into()),
        ..event(number, at_ms(number, 10), EventType::VideoPlayed)
    }
}

fn starts(number: u64) -> Event<'static> {
    Event {
        object_id: Some("video".into()),
        ..event(number, at_ms(number, 10), EventType::VideoPlayed)
    }
}

fn one_viewing(number: u64) -> Event<'static> {
    let event_type = match number % 2 {
        0 => EventType::VideoPlayed,
        _ => EventType::VideoPaused,
    };
    Event {
        object_id: Some("video".into()),
        ..event(number, at_ms(number, 400), event_type)
    }
}

fn types(number: u64) -> Event<'static> {
    event(
        number,
        at_ms(number, 1),
        EventType::Other(format!("t{number}").into()),
    )
}

fn identities(number: u64) -> Event<'static> {
    event(number, at_ms(number, 60), EventType::PageView)
}
