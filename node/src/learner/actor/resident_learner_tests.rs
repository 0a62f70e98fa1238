//! What a save hands over, and when blocks are evicted.

use std::collections::BTreeMap;

use homeroom_core::{Event, EventType, Settings, learner::ALWAYS};
use tokio::sync::mpsc;

use super::*;
use crate::learner::NoBlocks;

const BEGUN_MS: i64 = 1_700_000_000_000;
/// Between two events: each is in another pane.
const STEP_MS: i64 = 10_000;
/// Enough for blocks older than the newest minute.
const EVENTS: u64 = 40;

fn new_learner() -> ResidentLearner {
    ResidentLearner::of(Stored::nothing_of("ada"), Arc::new(NoBlocks))
}

/// Applies an entry with one event.
fn click(resident: &mut ResidentLearner, index: u64, durable_index: u64) -> GroupApplied {
    let at_ms = BEGUN_MS + index.cast_signed() * STEP_MS;
    let context = EntryContext {
        index,
        block_events: 4,
        log_time_ms: at_ms,
        watermark_ms: at_ms - 60_000,
        floor_ms: 0,
        settings: Arc::default(),
    };
    let mut encoded = Vec::new();
    Event::bare("ada", format!("{index}"), at_ms, EventType::Click, "lms")
        .encode_into(&mut encoded);
    let events = std::iter::once(&encoded[..]);
    let applied = resident.apply("ada", &context, events, durable_index);
    applied.expect("nothing is read for it")
}

fn save(resident: &mut ResidentLearner, as_of: u64) -> Saved {
    let (reply, mut saved) = mpsc::channel(1);
    resident.save(&Save {
        standings: true,
        as_of,
        reply,
    });
    saved.try_recv().expect("an answer")
}

/// Whether blocks were evicted.
fn is_partly_evicted(resident: &ResidentLearner) -> bool {
    let (answer, answered) = std::sync::mpsc::channel();
    resident.read(Read {
        look: Box::new(move |learner| {
            let _ = answer.send(!learner.missing_within(&ALWAYS).is_empty());
        }),
    });
    answered.recv().expect("an answer at once")
}

#[test]
fn of_whom_nothing_was_accepted_nothing_is_stored() {
    let saved = save(&mut new_learner(), 1);
    assert!(saved.changes.is_empty() && saved.standings.is_none());
}

#[test]
fn what_was_saved_leaves_the_memory_at_the_first_event_after_it_is_durable() {
    let mut resident = new_learner();
    for index in 0..EVENTS {
        click(&mut resident, index, 0);
    }
    save(&mut resident, EVENTS);
    let before = click(&mut resident, EVENTS + 1, EVENTS - 1).memory_bytes;
    assert!(!is_partly_evicted(&resident), "it may never become durable");
    let after = click(&mut resident, EVENTS + 2, EVENTS).memory_bytes;
    assert!(is_partly_evicted(&resident));
    assert!(after < before, "{after} bytes of {before}");
}

#[test]
fn to_whom_nothing_comes_any_more_lets_go_when_asked() {
    let mut resident = new_learner();
    for index in 0..EVENTS {
        click(&mut resident, index, 0);
    }
    assert_eq!(resident.evict_blocks_now(EVENTS), None, "nothing was saved");
    save(&mut resident, EVENTS);
    assert_eq!(resident.evict_blocks_now(EVENTS - 1), None);
    assert!(resident.evict_blocks_now(EVENTS).is_some() && is_partly_evicted(&resident));
    assert_eq!(
        resident.evict_blocks_now(EVENTS),
        None,
        "it was evicted already"
    );
}

/// Blocks as they were saved.
struct Kept(BTreeMap<i64, Vec<u8>>);

impl BlockSource for Kept {
    fn block(&self, _user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError> {
        Ok(self.0[&from_ms].clone())
    }
}

/// A learner whose older blocks are evicted, and can be read back; with its memory then, bytes.
fn partly_evicted() -> (ResidentLearner, u64) {
    let mut resident = new_learner();
    for index in 0..EVENTS {
        click(&mut resident, index, 0);
    }
    let saved = save(&mut resident, EVENTS).changes.into_iter();
    let blocks = saved.filter_map(|change| match change.part {
        StatePart::Block(from_ms) => Some((from_ms, change.bytes?)),
        _ => None,
    });
    resident.blocks = Arc::new(Kept(blocks.collect()));
    let memory_bytes = resident.evict_blocks_now(EVENTS);
    (resident, memory_bytes.expect("blocks were evicted"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_back_leaves_again_without_being_saved() {
    let (mut resident, evicted) = partly_evicted();
    // The first event again: only its block tells that it is a duplicate.
    let known = click(&mut resident, 0, EVENTS);
    assert_eq!(
        known.verdicts[..],
        [Verdict::Duplicate { conflicting: false }]
    );
    assert!(known.memory_bytes > evicted);
    assert_eq!(resident.evict_blocks_now(EVENTS), Some(evicted));
    assert_eq!(resident.evict_blocks_now(EVENTS), None);
}

#[test]
fn what_an_earlier_capture_saved_has_left_when_the_next_comes() {
    let mut resident = new_learner();
    for index in 0..EVENTS {
        click(&mut resident, index, 0);
    }
    save(&mut resident, EVENTS);
    save(&mut resident, EVENTS + 1);
    assert!(is_partly_evicted(&resident));
}

/// Between two measurements the memory is estimated by events, whatever their texts are. Lists grow
/// in steps, which the next measurement sees.
#[test]
fn the_estimate_follows_a_learner_that_grows_by_long_texts() {
    for text_bytes in [1, 100, 1_000] {
        let (mut resident, mut worst) = (new_learner(), 0.0_f64);
        for index in 0..400_u64 {
            let at_ms = BEGUN_MS + index.cast_signed() * STEP_MS;
            let context = EntryContext {
                index,
                block_events: 64,
                log_time_ms: at_ms,
                watermark_ms: at_ms - 60_000,
                floor_ms: 0,
                settings: Arc::default(),
            };
            let text = format!("{index}{}", "x".repeat(text_bytes));
            let event = Event {
                course_id: Some(text.clone().into()),
                session_id: Some(text.clone().into()),
                ..Event::bare("ada", text, at_ms, EventType::Click, "lms")
            };
            let mut encoded = Vec::new();
            event.encode_into(&mut encoded);
            let events = std::iter::once(&encoded[..]);
            let applied = resident.apply("ada", &context, events, 0);
            let estimated = applied.expect("nothing is read for it").memory_bytes as f64;
            let measured = memory_of(&resident.learner) as f64;
            worst = worst.max((estimated - measured).abs() / measured);
        }
        assert!(worst <= 0.25, "{text_bytes} bytes: {worst}");
    }
}

/// A replica with other blocks in memory finds the same: the event is checked with all of them.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_panics_is_poison_once_all_blocks_are_read() {
    let (mut resident, _) = partly_evicted();
    assert!(is_partly_evicted(&resident));
    let at_ms = BEGUN_MS + EVENTS.cast_signed() * STEP_MS;
    let context = EntryContext {
        index: EVENTS + 1,
        block_events: 4,
        log_time_ms: at_ms,
        watermark_ms: at_ms - 60_000,
        floor_ms: 0,
        settings: Arc::new(Settings {
            poison_drill_type: Some("drill".to_owned()),
            ..Settings::default()
        }),
    };
    let mut encoded = Vec::new();
    let drill = EventType::from_name("drill");
    Event::bare("ada", "drill", at_ms, drill, "lms").encode_into(&mut encoded);
    let events = std::iter::once(&encoded[..]);
    let applied = resident.apply("ada", &context, events, 0);
    let verdicts = applied.expect("all blocks can be read").verdicts;
    assert_eq!(verdicts[..], [Verdict::Refused(Reason::Poison)]);
    assert!(!is_partly_evicted(&resident));
}
