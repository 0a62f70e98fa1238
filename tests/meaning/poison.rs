//! Poison: an event whose handling panics affects no other event or learner.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use homeroom_core::learner::{ALWAYS, Missing, catches_panics};
use homeroom_core::shard::{EntryContext, Outcome};
use homeroom_core::{Event, EventType, Reason, Settings};

use crate::watermark::click;
use homeroom_tests::rig::{CoreRig, Delivery};

/// Guarded panics are expected here and print nothing; a node has its own hook for them.
pub fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !catches_panics() {
                usual(panic);
            }
        }));
    });
}

fn drill() -> Settings {
    Settings {
        poison_drill_type: Some("drill".to_owned()),
        ..Settings::default()
    }
}

fn of(user_id: &str, id: &str, event_type: &str) -> Event<'static> {
    let mut event = click("lms", id, 1_741_168_800_000);
    event.user_id = user_id.to_owned().into();
    event.event_type = EventType::from_name(event_type);
    event
}

const LOG_MS: i64 = 1_741_168_800_000;

#[test]
fn the_event_becomes_poison_and_everybody_else_goes_on() {
    hush();
    let mut rig = CoreRig::new(drill());
    rig.apply_one(LOG_MS, of("ada", "1", "click"));
    // A duplicate first, so that the next entry has nothing left to expire.
    rig.apply_one(LOG_MS, of("ada", "1", "click"));
    let before = rig.learners["ada"].clone();
    let poison = Outcome::DeadLettered(Reason::Poison);
    let alone = rig.apply_one(LOG_MS, of("ada", "2", "drill"));
    assert_eq!(alone.outcomes, [poison]);
    assert_eq!(rig.learners["ada"], before, "the learner is as it was");

    let batch = [
        of("ada", "3", "click"),
        of("ada", "4", "drill"),
        of("bo", "1", "click"),
        of("bo", "2", "drill"),
        of("ada", "5", "click"),
    ];
    let applied = rig.apply(LOG_MS, &batch.map(Delivery::Event));
    let (taken, not) = (Outcome::Accepted, poison);
    assert_eq!(applied.outcomes, [taken, not, taken, not, taken]);
    assert_eq!(rig.learners["ada"].events(), 3);
    assert_eq!(rig.learners["bo"].events(), 1);
    let again = rig.apply_one(LOG_MS, of("ada", "2", "drill"));
    let known = Outcome::Duplicate {
        conflicting: false,
        reason: Some(Reason::Poison),
    };
    assert_eq!(again.outcomes, [known], "a retry of poison is a duplicate");
    assert!(rig.shard.counters()["lms"].is_conserved());
    assert_eq!(
        rig.shard.counters()["lms"].dead_lettered[&Reason::Poison],
        3
    );
}

#[test]
fn a_replay_finds_the_same_poison() {
    hush();
    let mut rig = CoreRig::new(drill());
    for (number, event_type) in ["click", "drill", "page_view", "drill"].iter().enumerate() {
        rig.apply_one(LOG_MS, of("ada", &number.to_string(), event_type));
    }
    let replayed = CoreRig::replayed(drill(), &rig.log);
    assert_eq!(replayed.shard, rig.shard);
    assert_eq!(replayed.learners, rig.learners);
}

#[test]
fn the_drill_ends_with_its_setting() {
    hush();
    let mut rig = CoreRig::new(drill());
    let changed = rig.change_settings(LOG_MS, &Settings::default());
    assert_eq!(changed.outcomes, []);
    let applied = rig.apply_one(LOG_MS, of("ada", "1", "drill"));
    assert_eq!(applied.outcomes, [Outcome::Accepted]);
    assert!(!catches_panics());
}

#[test]
fn a_refused_number_is_seen_once_when_it_counts_at_last() {
    hush();
    let mut rig = CoreRig::new(drill());
    let numbered = |number: u64, event_type: &str| Event {
        producer_sequence: Some(number),
        ..of("ada", &number.to_string(), event_type)
    };
    let missing = |rig: &CoreRig| {
        let sequences: Vec<_> = rig.shard.sequences().collect();
        assert_eq!(sequences.len(), 1);
        sequences[0].1.missing()
    };
    for event in [
        numbered(1, "click"),
        numbered(2, "drill"),
        numbered(4, "click"),
    ] {
        rig.apply_one(LOG_MS, event);
    }
    assert_eq!(missing(&rig), 2, "2 was refused, 3 never came");
    rig.change_settings(LOG_MS, &Settings::default());
    for outcome in [
        Outcome::Accepted,
        Outcome::Duplicate {
            conflicting: false,
            reason: None,
        },
    ] {
        let again = rig.apply_one(LOG_MS, numbered(2, "drill"));
        assert_eq!(again.outcomes, [outcome]);
        assert_eq!(missing(&rig), 1, "3 is missing still");
    }
}

/// A rig whose learner `ada` has blocks of several hours, all but the newest evicted.
fn with_evicted_blocks() -> CoreRig {
    let mut rig = CoreRig::new(drill());
    for hour in 0..5 {
        let mut event = of("ada", &hour.to_string(), "click");
        event.timestamp_ms = LOG_MS + hour * 3_600_000;
        rig.apply_one(event.timestamp_ms, event);
    }
    rig.checkpoint();
    rig.checkpoint();
    assert!(evicted(&rig) > 0);
    rig
}

fn evicted(rig: &CoreRig) -> usize {
    rig.learners["ada"].missing_within(&ALWAYS).len()
}

/// Other replicas have other blocks in memory, so a panic counts only where all of them are.
#[test]
fn poison_is_found_with_all_blocks_in_memory() {
    hush();
    let mut rig = with_evicted_blocks();
    let mut other = CoreRig::replayed(drill(), &rig.log);
    let mut event = of("ada", "drill", "drill");
    event.timestamp_ms = rig.shard.log_time_ms();
    for rig in [&mut rig, &mut other] {
        let applied = rig.apply_one(event.timestamp_ms, event.clone());
        assert_eq!(applied.outcomes, [Outcome::DeadLettered(Reason::Poison)]);
        assert_eq!(evicted(rig), 0);
    }
    assert_eq!(rig.shard.entry_hash(), other.shard.entry_hash());
}

thread_local! {
    /// Whether the last panic of this thread was outside the guard.
    static UNGUARDED: Cell<bool> = const { Cell::new(false) };
}

/// A bug that shows only while a block is away, for which the drill stands in: it panics as long as
/// blocks are evicted.
#[test]
fn a_panic_of_residency_is_no_poison() {
    hush();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        UNGUARDED.set(!catches_panics());
        usual(panic);
    }));
    let mut rig = with_evicted_blocks();
    let mut event = of("ada", "drill", "drill");
    event.timestamp_ms = rig.shard.log_time_ms();
    let mut encoded = Vec::new();
    event.encode_into(&mut encoded);
    let context = |settings| EntryContext {
        index: 100,
        log_time_ms: event.timestamp_ms,
        watermark_ms: event.timestamp_ms - 10_000,
        floor_ms: LOG_MS - 3_600_000,
        block_events: 3,
        settings: Arc::new(settings),
    };
    let learner = rig.learners.get_mut("ada").expect("she has events");
    let before = learner.kept_estimate();
    let applied = learner.apply(&context(drill()), &event, &encoded);
    assert!(matches!(applied, Err(Missing(_))), "{applied:?}");
    assert_eq!(learner.kept_estimate(), before);
    assert!(!UNGUARDED.get());
    let mut whole = rig.whole("ada");
    let calm = context(Settings::default());
    let applied = catch_unwind(AssertUnwindSafe(|| whole.apply(&calm, &event, &encoded)));
    assert!(applied.is_err(), "{applied:?}");
    assert!(UNGUARDED.get(), "the process has to end");
}
