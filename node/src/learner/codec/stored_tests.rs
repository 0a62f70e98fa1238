//! Restoring learners from their records.

use std::sync::Arc;

use homeroom_core::{Event, EventType, shard::EntryContext, time::HOUR_MS};

use super::*;
use crate::{
    learner::{Collected, Saved},
    store::checkpoint::{Change, CheckpointOptions, Commit, Position},
};

/// The first hour of these tests.
const HOUR: i64 = 400_000;
/// The length of a pane, ms.
const STEP_MS: i64 = 5_000;

/// A learner with an event at each of these times, in a block of its own.
fn with_events(times_ms: impl Iterator<Item = i64>) -> Learner {
    let mut learner = Learner::new("ada");
    for (index, at_ms) in (1..).zip(times_ms) {
        let id = format!("event-{at_ms}");
        let event = Event::bare("ada", id, at_ms, EventType::Click, "lms");
        let context = EntryContext {
            block_events: 1,
            index,
            log_time_ms: event.timestamp_ms,
            watermark_ms: event.timestamp_ms,
            floor_ms: 0,
            settings: Arc::default(),
        };
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        let applied = learner.apply(&context, &event, &encoded);
        applied.expect("no block is evicted");
    }
    learner
}

/// The changes of a capture.
fn saved(learner: &mut Learner, leaves: bool) -> Collected {
    let mut collected = Collected::new(Vec::new(), 7);
    collected.add(Saved {
        user_id: "ada".into(),
        changes: learner.take_changes(leaves),
        standings: leaves.then(Vec::new),
    });
    collected
}

#[test]
fn a_learner_is_gathered_from_its_records_in_their_order() {
    for leaves in [false, true] {
        let mut learner = with_events((HOUR..HOUR + 3).map(|hour| hour * HOUR_MS));
        let mut records = saved(&mut learner, leaves).changes;
        records.sort();
        assert_eq!(records.len(), 3, "a head, and blocks of earlier hours");
        let mut gathered: Option<Gathered> = None;
        for (key, payload) in &records {
            let payload = payload.as_ref().expect("nothing is deleted");
            match (parse_key(key), &mut gathered) {
                (Some(RecordKey::Learner { part, piece, .. }), Some(gathered)) => {
                    gathered.add(part, piece, payload);
                }
                _ => gathered = Some(Gathered::begin("ada", payload)),
            }
        }
        let head_bytes = records[0].1.as_ref().map_or(0, |head| head.len() as u64);
        let gathered = gathered.expect("a head");
        assert_eq!((gathered.was_active(), gathered.as_of()), (!leaves, 7));
        let stored = gathered.restore_partial().expect("a learner");
        learner.evict_blocks();
        assert_eq!(stored.learner, learner);
        assert!(stored.head_bytes + 10 >= head_bytes && stored.standings_stored == leaves);
    }
}

struct Blocks(Arc<CheckpointStore>);

impl BlockSource for Blocks {
    fn block(&self, user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError> {
        load_block(&self.0, 0, user_id, from_ms)
    }
}

fn commit(store: &CheckpointStore, index: u64, changes: Vec<Change>) {
    let (term, node) = (1, 1);
    let commit = Commit {
        position: Position { term, node, index },
        meta: Vec::new(),
        changes,
    };
    store.commit(0, commit).expect("it is durable");
}

/// Blocks of the last minute are read with the head, as far as they are stored; the others on
/// demand.
#[test]
fn a_passivated_learner_is_its_head_and_the_parts_it_names() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = CheckpointOptions::default();
    let opened = CheckpointStore::open_recovered(dir.path(), 1, b"c", &options, Arc::new(()));
    let store = Arc::new(opened.expect("a new store").0);
    let blocks = Blocks(Arc::clone(&store));
    let hours = (HOUR..HOUR + 3).map(|hour| hour * HOUR_MS);
    let newest_ms = (HOUR + 3) * HOUR_MS;
    let minute = (0..12).map(|step| newest_ms + step * STEP_MS);
    let mut learner = with_events(hours.chain(minute));
    commit(&store, 1, saved(&mut learner, true).changes);
    let whole = learner.clone();
    learner.evict_blocks();
    let load = || {
        load(&store, 0, "ada")
            .expect("it can be read")
            .expect("her")
    };
    assert_eq!(load().learner, learner);

    let all = learner.missing_within(&homeroom_core::learner::ALWAYS);
    assert_eq!(all.len(), 3);
    let mut read = load().learner;
    fetch(&blocks, &mut read, &all).expect("they are there");
    assert_eq!(read, whole);

    let expired = [HOUR * HOUR_MS, newest_ms].map(StatePart::Block);
    let expired = expired.map(|part| (learner_key("ada", part, 0), None));
    commit(&store, 2, expired.to_vec());
    for (floor_ms, is_lost) in [(HOUR * HOUR_MS, true), ((HOUR + 1) * HOUR_MS, false)] {
        let block = live_block(&blocks, "ada", HOUR * HOUR_MS, || floor_ms);
        assert_eq!(block.is_err(), is_lost, "a floor of {floor_ms}");
        assert!(block.is_err() || block.is_ok_and(|bytes| bytes.is_none()));
    }
    let kept = live_block(&blocks, "ada", (HOUR + 1) * HOUR_MS, || i64::MAX);
    assert!(kept.expect("it is there").is_some());
}
