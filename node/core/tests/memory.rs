//! The estimate of a learner's memory, compared with what dropping the learner gives back.

use std::{
    alloc::System,
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fastrand::Rng;
use homeroom_core::{
    Event, EventType,
    learner::{Learner, StatePart},
    shard::EntryContext,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What an allocation takes beyond what was asked for, on average: a header, and the next step of
/// sizes, bytes.
const OVERHEAD_BYTES: usize = 12;
/// Deviation allowed, of what is allocated; learners of a few KB may be as many bytes off.
const DEVIATION: f64 = 0.2;
const SLACK_BYTES: f64 = 512.0;

const BEGUN_MS: i64 = 1_700_000_000_000;
const LEARNERS: u64 = 40;

/// One test at a time, since all use the same allocator.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes allocated now.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    let bytes = stats.bytes_allocated - stats.bytes_deallocated;
    bytes + OVERHEAD_BYTES * (stats.allocations - stats.deallocations)
}

/// A learner, and what was stored of it.
struct Kept {
    learner: Learner,
    blocks: BTreeMap<i64, Vec<u8>>,
    index: u64,
}

impl Kept {
    fn new() -> Self {
        Self {
            learner: Learner::new("ada"),
            blocks: BTreeMap::new(),
            index: 0,
        }
    }

    fn apply(&mut self, event: &Event<'_>) {
        self.index += 1;
        let context = EntryContext {
            index: self.index,
            log_time_ms: event.timestamp_ms,
            watermark_ms: BEGUN_MS + (self.index * 2_000).cast_signed() - 60_000,
            floor_ms: 0,
            block_events: 64,
            settings: Arc::default(),
        };
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        while let Err(missing) = self.learner.apply(&context, event, &encoded) {
            for from_ms in missing.0 {
                let read = self.learner.restore_block(from_ms, &self.blocks[&from_ms]);
                read.expect("its own encoding can be read");
            }
        }
    }

    fn save(&mut self) {
        for change in self.learner.take_changes(false) {
            if let (StatePart::Block(from_ms), Some(bytes)) = (change.part, change.bytes) {
                self.blocks.insert(from_ms, bytes);
            }
        }
        self.learner.evict_blocks();
    }

    /// Compares the estimate with what dropping the learner gives back.
    #[track_caller]
    fn check(self, what: &str) {
        let estimate = (self.learner.memory_bytes() - size_of::<Learner>()) as f64;
        let before = allocated();
        drop(self.learner);
        let held = (before - allocated()) as f64;
        let off = (estimate - held).abs();
        assert!(
            off <= held * DEVIATION + SLACK_BYTES,
            "{what}: estimated {estimate}, allocated {held}"
        );
    }
}

fn text(number: u64, bytes: usize) -> Cow<'static, str> {
    format!("{number:x}{}", "x".repeat(bytes)).into()
}

fn at_ms(number: u64) -> i64 {
    BEGUN_MS + (number * 2_000).cast_signed()
}

fn bare(number: u64, id_bytes: usize, event_type: EventType) -> Event<'static> {
    let id = text(number, id_bytes);
    Event::bare("ada", id, at_ms(number), event_type, "lms")
}

fn any_event(number: u64, longest: usize, values: u64, rng: &mut Rng) -> Event<'static> {
    let types = [
        EventType::VideoPlayed,
        EventType::VideoPaused,
        EventType::QuestionAnswered,
        EventType::QuizSubmitted,
        EventType::Other(text(rng.u64(..values), 10).into()),
        EventType::Click,
    ];
    let event_type = rng.choice(types).expect("one of them");
    let mut some = || {
        let value = rng.u64(..values);
        Some(text(value, rng.usize(1..longest)))
    };
    let [session_id, course_id, object_id, attempt_id, skill_id] = [(); 5].map(|()| some());
    let event = bare(number, rng.usize(1..longest), event_type);
    Event {
        session_id,
        course_id,
        object_id,
        attempt_id: attempt_id.filter(|_| rng.bool()),
        skill_id,
        score_millionths: rng.bool().then_some(500_000),
        length_ms: (rng.u8(..8) == 0).then(|| rng.u64(..600_000)),
        timestamp_ms: event.timestamp_ms - rng.i64(..120_000),
        ..event
    }
}

#[test]
fn the_estimate_is_within_a_fifth_of_what_random_learners_take() {
    let _alone = alone();
    for seed in 0..LEARNERS {
        let mut rng = Rng::with_seed(seed);
        let longest = [4, 40, 300, 1_000][rng.usize(..4)];
        let values = [3, 40, u64::MAX][rng.usize(..3)];
        let most = [20, 200, 1_500][rng.usize(..3)];
        let events = rng.u64(1..most);
        let saved_each = [0, 7, 100][rng.usize(..3)];
        let mut kept = Kept::new();
        for event in 0..events {
            kept.apply(&any_event(event, longest, values, &mut rng));
            if saved_each > 0 && event % saved_each == 0 {
                kept.save();
            }
        }
        let of = format!("seed {seed}, {events} events, {longest} bytes, {values} values");
        kept.check(&of);
    }
}

/// Each learner has much of one thing; the newest ids are short, the others long.
#[test]
fn the_estimate_is_within_a_fifth_whatever_a_learner_has_much_of() {
    type Make = fn(u64, usize) -> Event<'static>;
    let kinds: [(&str, Make); 8] = [
        ("sessions", |number, bytes| Event {
            session_id: Some(text(number, bytes)),
            ..bare(number, bytes, EventType::Click)
        }),
        ("courses", |number, bytes| Event {
            course_id: Some(text(number, bytes)),
            ..bare(number, bytes, EventType::Other("enrolled".into()))
        }),
        ("skills", |number, bytes| Event {
            skill_id: Some(text(number, bytes)),
            object_id: Some(text(number, bytes)),
            score_millionths: Some(1),
            ..bare(number, bytes, EventType::QuestionAnswered)
        }),
        ("attempts", |number, bytes| Event {
            attempt_id: Some(text(number, bytes)),
            score_millionths: Some(1),
            ..bare(number, bytes, EventType::QuizSubmitted)
        }),
        ("videos", |number, bytes| Event {
            session_id: Some(text(number, bytes)),
            object_id: Some(text(number, bytes)),
            ..bare(number, bytes, EventType::VideoPlayed)
        }),
        ("one video", |number, bytes| Event {
            object_id: Some("film".into()),
            ..bare(
                number,
                bytes,
                [EventType::VideoPlayed, EventType::VideoPaused][number as usize % 2].clone(),
            )
        }),
        ("types", |number, bytes| Event {
            timestamp_ms: BEGUN_MS,
            ..bare(number, 1, EventType::Other(text(number, bytes).into()))
        }),
        ("corrections", |number, bytes| Event {
            timestamp_ms: BEGUN_MS + number.cast_signed() % 3_600 * 1_000,
            ..bare(number, bytes, EventType::Click)
        }),
    ];
    let _alone = alone();
    for (what, make) in kinds {
        for bytes in [1, 30, 900] {
            let mut kept = Kept::new();
            for number in 0..1_200 {
                let is_newest = number >= 1_190;
                kept.apply(&make(number, if is_newest { 1 } else { bytes }));
            }
            kept.check(&format!("{what} of {bytes} bytes"));
        }
    }
}
