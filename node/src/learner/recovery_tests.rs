//! What a start recovers of what captures wrote.

use std::{collections::BTreeMap, sync::Arc};

use fastrand::Rng;
use homeroom_core::{
    Event, EventType,
    learner::{Learner, StateChange},
    shard::EntryContext,
};

use super::*;
use crate::learner::{Collected, Saved, codec::pack, dead_letter_key};

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Records of learners without content, as one capture writes them.
fn records(as_of: u64, learners: &[(&str, bool)]) -> Records {
    let mut collected = Collected::new(Vec::new(), as_of);
    for (user_id, was_active) in learners {
        collected.add(Saved {
            user_id: (*user_id).into(),
            changes: Learner::new(user_id).take_changes(true),
            standings: (!was_active).then(Vec::new),
        });
    }
    let mut records = Records::new();
    commit(&mut records, collected.changes);
    records
}

fn commit(records: &mut Records, changes: Vec<Change>) {
    for (key, record) in changes {
        match record {
            Some(record) => records.insert(key, record),
            None => records.remove(&key),
        };
    }
}

/// The head of a learner that nothing is known of but its id.
fn head(user_id: &str) -> Vec<u8> {
    let changes = Learner::new(user_id).take_changes(true);
    let heads = changes.into_iter().filter(|it| it.part == StatePart::Head);
    let head = heads.filter_map(|it| it.bytes).next();
    head.expect("a head")
}

/// A pack of such learners, as the build before this one wrote it.
fn packed(number: u32, as_of: u64, user_ids: &[&str]) -> Records {
    let heads: Vec<Vec<u8>> = user_ids.iter().map(|user_id| head(user_id)).collect();
    let heads = user_ids.iter().zip(&heads);
    let heads: Vec<(&str, &[u8])> = heads.map(|(id, head)| (*id, &head[..])).collect();
    Records::from([(pack_key(number), pack(as_of, &heads))])
}

/// What a start gathers of a shard's records.
fn gathered(records: &Records) -> Result<(Vec<Stored>, Vec<Change>), LoadError> {
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
fn a_shard_that_is_read_again_while_another_is_read_is_gathered_anew() {
    let gathered = RecoveredLearners::new(2);
    let read = |shard, records: &Records| {
        for (key, payload) in records {
            gathered.record(shard, key, payload);
        }
    };
    let taken = |shard| {
        let (learners, _) = gathered.take(shard).expect("they can be read");
        let mut ids = user_ids(&learners);
        ids.sort_unstable();
        ids.join(" ")
    };
    gathered.begin(0);
    gathered.begin(1);
    read(1, &records(1, &[("bob", true)]));
    read(0, &records(1, &[("ada", true)]));
    gathered.end(1);
    assert_eq!(taken(1), "bob");
    // Another state was installed meanwhile.
    gathered.begin(1);
    read(1, &records(2, &[("dan", true), ("eve", true)]));
    gathered.end(1);
    gathered.end(0);
    assert_eq!(
        (taken(0), taken(1)),
        ("ada".to_owned(), "dan eve".to_owned())
    );
}

#[test]
fn a_packed_head_has_the_records_beside_it() {
    let mut all = packed(0, 1, &["ada"]);
    let mut beside = Collected::new(Vec::new(), 1);
    beside.add(Saved {
        user_id: "ada".into(),
        changes: vec![StateChange {
            part: StatePart::Block(0),
            bytes: Some(b"no block".to_vec()),
        }],
        standings: None,
    });
    commit(&mut all, beside.changes);
    assert!(gathered(&all).is_err(), "the block was looked at");
}

#[test]
fn a_head_without_an_index_is_older_than_any_pack() {
    let mut all = packed(0, 1, &["ada"]);
    for (key, _) in records(9, &[("ada", false)]) {
        // As builds before packs wrote it: the number of pieces, and bytes that are no head.
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
    let mut all = packed(0, 1, &["ada"]);
    let pack = all.values_mut().next().expect("a pack");
    pack.truncate(30);
    assert!(gathered(&all).is_err());
}

#[test]
fn a_capture_stores_packed_heads_in_records_of_their_own() {
    // Ada's newest head is in the second pack, Bob's and Cyd's are their own; Dan has a pack alone.
    let mut all = packed(0, 3, &["ada", "bob"]);
    all.extend(packed(1, 5, &["ada", "cyd", "dan"]));
    all.extend(records(4, &[("bob", true)]));
    all.extend(records(5, &[("cyd", false)]));
    let (learners, unpacking) = gathered(&all).expect("they can be read");
    let mut found = user_ids(&learners);
    found.sort_unstable();
    assert_eq!(found, ["ada", "bob", "dan"]);
    // A start without a capture finds the same again.
    let (again, _) = gathered(&all).expect("they can be read");
    assert_eq!(again.len(), learners.len());

    commit(&mut all, unpacking);
    let keys: Vec<_> = all.keys().filter_map(|key| parse_key(key)).collect();
    let is_pack = |key: &&RecordKey<'_>| matches!(key, RecordKey::Pack(_));
    assert_eq!((keys.len(), keys.iter().filter(is_pack).count()), (4, 0));
    let (after, nothing) = gathered(&all).expect("they can be read");
    assert!(nothing.is_empty());
    let mut found = user_ids(&after);
    found.sort_unstable();
    assert_eq!(found, ["ada", "bob", "dan"]);
    for stored in &after {
        assert!(!stored.standings_stored);
        let user_id = stored.learner.user_id();
        let before = learners.iter().find(|it| it.learner.user_id() == user_id);
        assert!(before.is_some_and(|before| before.learner == stored.learner));
    }
}

const LEARNERS: usize = 120;
const CAPTURES: u64 = 120;

/// Learners, and what is stored of them.
struct Rig {
    learners: Vec<Learner>,
    /// Whether the learner's newest head was stored without standings.
    recovered_learners: Vec<bool>,
    stored: Vec<Option<Learner>>,
    records: Records,
    /// What the next capture begins with.
    unpacking: Vec<Change>,
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
            unpacking: Vec::new(),
            events: 0,
        }
    }

    /// Applies an event. Every tenth learner has long session names, so that its head has several
    /// KiB; blocks have three events.
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

    /// Applies an event to some learners and captures them; some of them are passivated.
    fn capture(&mut self, as_of: u64, rng: &mut Rng) {
        let mut collected = Collected::new(Vec::new(), as_of);
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
        // Some were captured by the build before this one, which packed heads of active learners.
        let changes = match rng.bool() {
            true => self.packed(as_of, collected.changes),
            false => collected.changes,
        };
        let unpacking = std::mem::take(&mut self.unpacking);
        commit(&mut self.records, unpacking);
        commit(&mut self.records, changes);
    }

    /// The changes of a capture, with active learners' heads in one pack.
    fn packed(&mut self, number: u64, changes: Vec<Change>) -> Vec<Change> {
        let (mut heads, mut others) = (Vec::new(), Vec::new());
        for (key, record) in changes {
            let head = match (parse_key(&key), &record) {
                (
                    Some(RecordKey::Learner {
                        user_id,
                        part: StatePart::Head,
                        ..
                    }),
                    Some(record),
                ) => active_head(user_id, record),
                _ => None,
            };
            match head {
                Some(head) => heads.push(head),
                None => others.push((key, record)),
            }
        }
        let packed: Vec<(&str, &[u8])> =
            heads.iter().map(|(id, head)| (&**id, &head[..])).collect();
        let number = u32::try_from(number).expect("a small number");
        others.push((pack_key(number), Some(pack(number.into(), &packed))));
        others
    }

    /// A start finds exactly the active learners, each as it was stored last.
    fn check(&self) -> Vec<Change> {
        let (found, unpacking) = gathered(&self.records).expect("all can be read");
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
        unpacking
    }
}

/// The head of a learner that stays active, with its id, from its record of one piece.
fn active_head(user_id: &str, record: &[u8]) -> Option<(String, Vec<u8>)> {
    let gathered = Gathered::begin(user_id, record);
    let head = record[10..].to_vec();
    gathered.was_active().then(|| (user_id.to_owned(), head))
}

#[test]
fn of_every_active_learner_the_newest_head_is_found() {
    let seed = std::env::var("HOMEROOM_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!(
        "replay with: HOMEROOM_SEED={seed} cargo test -p homeroom-node --lib learner::recovery"
    );
    let mut rng = Rng::with_seed(seed);
    let mut rig = Rig::new();
    for as_of in 1..=CAPTURES {
        rig.capture(as_of, &mut rng);
        let unpacking = rig.check();
        // A restart: the next capture begins with what deletes the packs.
        if rng.u8(..6) == 0 {
            rig.unpacking = unpacking;
        }
    }
}
