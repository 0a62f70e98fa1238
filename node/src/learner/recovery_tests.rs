//! What a start finds of what captures wrote.

use std::{collections::BTreeMap, sync::Arc};

use fastrand::Rng;
use homeroom_core::{
    Event, EventType,
    learner::{Learner, StateChange},
    shard::EntryContext,
};

use super::*;
use crate::learner::{Collected, Saved, dead_letter_key, pack_key};

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

const NOWHERE: fn(u32) -> Option<Vec<u8>> = |_| None;

/// The records of learners of whom nothing is known but that they are there, as one capture writes them.
fn records(as_of: u64, learners: &[(&str, bool)]) -> Records {
    let mut collected = Collected::new(Vec::new(), as_of);
    for (user_id, was_active) in learners {
        collected.add(Saved {
            user_id: (*user_id).into(),
            changes: Learner::new(user_id).take_changes(true),
            standings: (!was_active).then(Vec::new),
        });
    }
    let changes = Packs::default().changes_of(collected, NOWHERE);
    let written = |(key, payload): (_, Option<Vec<u8>>)| Some((key, payload?));
    changes.into_iter().filter_map(written).collect()
}

/// What a start gathers of a shard's records.
fn gathered(records: &Records) -> Result<(Vec<Stored>, Packs), LoadError> {
    let gathered = RecoveredLearners::new(1);
    gathered.begin(0);
    for (key, payload) in records {
        gathered.record(0, key, payload);
    }
    gathered.end(0);
    gathered.take(0)
}

fn user_ids(learners: &[Stored]) -> Vec<&str> {
    let ids = learners.iter().map(|stored| stored.learner.user_id());
    ids.collect()
}

#[test]
fn those_that_were_active_are_gathered_by_shard() {
    let gathered = RecoveredLearners::new(2);
    let shards = [
        records(1, &[("ada", true), ("cyd", false), ("eve", true)]),
        records(1, &[("bob", true), ("dan", true)]),
    ];
    for (shard, records) in (0..).zip(&shards) {
        gathered.begin(shard);
        for (key, payload) in records {
            gathered.record(shard, key, payload);
        }
        gathered.record(shard, &dead_letter_key(7), b"a letter");
        gathered.end(shard);
    }
    let (learners, _) = gathered.take(0).expect("they can be read");
    assert_eq!(user_ids(&learners), ["ada", "eve"]);
    let (again, _) = gathered.take(0).expect("nothing to read");
    assert!(again.is_empty(), "they are given once");
    gathered.begin(1);
    let (anew, _) = gathered.take(1).expect("nothing to read");
    assert!(anew.is_empty(), "a rebuild begins anew");
}

#[test]
fn a_packed_head_has_the_records_beside_it() {
    let mut all = records(1, &[("ada", true)]);
    let mut beside = Collected::new(Vec::new(), 1);
    beside.add(Saved {
        user_id: "ada".into(),
        changes: vec![StateChange {
            part: StatePart::Block(0),
            bytes: Some(b"no block".to_vec()),
        }],
        standings: None,
    });
    for (key, payload) in Packs::default().changes_of(beside, NOWHERE) {
        all.insert(key, payload.expect("a block"));
    }
    assert!(gathered(&all).is_err(), "the block was looked at");
}

#[test]
fn a_head_without_an_index_is_older_than_any_pack() {
    let mut all = records(1, &[("ada", true)]);
    for (key, _) in records(9, &[("ada", false)]) {
        // As builds before packs wrote it: the number of pieces, and a head that is none.
        all.insert(key, [&[0, 1], &b"no head"[..]].concat());
    }
    let (learners, _) = gathered(&all).expect("the pack counts");
    assert_eq!(user_ids(&learners), ["ada"]);
}

#[test]
fn a_learner_that_cannot_be_read_is_an_error() {
    for (was_active, bytes) in [(true, 3), (true, 30), (false, 12)] {
        let mut all = records(1, &[("ada", was_active)]);
        let record = all.values_mut().next().expect("a head");
        record.truncate(bytes);
        assert_eq!(
            gathered(&all).is_err(),
            was_active,
            "passivated it is not read"
        );
    }
}

const LEARNERS: usize = 120;
const CAPTURES: u64 = 120;

/// Learners, and what is stored of them.
struct Rig {
    learners: Vec<Learner>,
    /// Of whom the newest head was stored without standings.
    recovered_learners: Vec<bool>,
    stored: Vec<Option<Learner>>,
    records: Records,
    packs: Packs,
    events: u64,
}

impl Rig {
    fn new() -> Self {
        Self {
            learners: (0..LEARNERS)
                .map(|number| Learner::new(&format!("learner-{number}")))
                .collect(),
            recovered_learners: vec![false; LEARNERS],
            stored: vec![None; LEARNERS],
            records: Records::new(),
            packs: Packs::default(),
            events: 0,
        }
    }

    /// One more event; every tenth learner has sessions with such long names that its head soon is too large for a pack, and has
    /// blocks of three events.
    fn apply(&mut self, number: usize) {
        self.events += 1;
        let index = self.events;
        let at_ms = 1_700_000_000_000 + (index * 5_000).cast_signed();
        let mut event = Event::bare("", format!("event-{index}"), at_ms, EventType::Click, "lms");
        if number.is_multiple_of(10) {
            event.session_id = Some(format!("{index}{}", "s".repeat(2_000)).into());
        }
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        let context = EntryContext {
            index,
            block_events: 3,
            log_time_ms: at_ms,
            watermark_ms: at_ms,
            floor_ms: 0,
            settings: Arc::default(),
        };
        let applied = self.learners[number].apply(&context, &event, &encoded);
        applied.expect("all of it is in memory");
    }

    /// Some learners have an event and are captured, of whom some leave.
    fn capture(&mut self, as_of: u64, rng: &mut Rng) {
        let mut collected = Collected::new(Vec::new(), as_of);
        // Few or nearly all, so that packs are superseded by and by or at once.
        let learners = [1, 12, LEARNERS][rng.usize(..3)];
        let all_leave = rng.u8(..15) == 0;
        for number in rng.choose_multiple(0..LEARNERS, learners) {
            self.apply(number);
            let leaves = all_leave || rng.u8(..8) == 0;
            let learner = &mut self.learners[number];
            collected.add(Saved {
                user_id: learner.user_id().into(),
                changes: learner.take_changes(leaves),
                standings: leaves.then(Vec::new),
            });
            self.recovered_learners[number] = !leaves;
            self.stored[number] = Some(learner.clone());
        }
        let records = &self.records;
        let stored = |number| records.get(&pack_key(number)).cloned();
        for (key, record) in self.packs.changes_of(collected, stored) {
            match record {
                Some(record) => self.records.insert(key, record),
                None => self.records.remove(&key),
            };
        }
    }

    /// A start finds exactly those that were active, each as it was stored last; and where their heads are.
    fn check(&self) -> Packs {
        let (found, packs) = gathered(&self.records).expect("all can be read");
        let mut found: Vec<&Learner> = found.iter().map(|stored| &stored.learner).collect();
        found.sort_unstable_by_key(|learner| learner.user_id());
        let stored = self.stored.iter().zip(&self.recovered_learners);
        let active =
            stored.filter_map(|(stored, was_active)| stored.as_ref().filter(|_| *was_active));
        let mut active: Vec<&Learner> = active.collect();
        active.sort_unstable_by_key(|learner| learner.user_id());
        assert_eq!(found.len(), active.len());
        for (found, active) in found.into_iter().zip(active) {
            let mut active = active.clone();
            active.evict_blocks();
            assert!(*found == active, "{}", active.user_id());
        }
        packs
    }

    fn heads_in_packs(&self) -> usize {
        let packs = self.records.iter();
        let heads = packs.filter_map(|(key, record)| match parse_key(key) {
            Some(RecordKey::Pack(number)) => packed_heads(number, record).ok(),
            _ => None,
        });
        heads.map(|(_, heads)| heads.len()).sum()
    }
}

#[test]
fn of_every_active_learner_the_newest_head_is_found() {
    let seed = std::env::var("HOMEROOM_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("replay with: HOMEROOM_SEED={seed} cargo test -p homeroom-node --lib node::recovery");
    let mut rng = Rng::with_seed(seed);
    let mut rig = Rig::new();
    for as_of in 1..=CAPTURES {
        rig.capture(as_of, &mut rng);
        let packs = rig.check();
        let active = rig
            .recovered_learners
            .iter()
            .filter(|active| **active)
            .count();
        let heads = rig.heads_in_packs();
        assert!(heads <= 2 * active, "{heads} heads are stored of {active}");
        if rng.u8(..6) == 0 {
            rig.packs = packs;
        }
    }
}
