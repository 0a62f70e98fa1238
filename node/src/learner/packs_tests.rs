//! Packs against a model that keeps every learner's newest head.

use std::collections::{BTreeMap, HashSet};

use fastrand::Rng;
use homeroom_core::learner::{StateChange, StatePart};

use super::*;
use crate::learner::{Gathered, RecordKey, Saved, parse_key};

const LEARNERS: usize = 400;
const CAPTURES: u64 = 300;

/// What is stored, and what should be.
#[derive(Default)]
struct Rig {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The newest head of each learner, and whether it is a record of its own.
    newest: BTreeMap<String, (Vec<u8>, bool)>,
    packs: Packs,
}

impl Rig {
    /// A capture of some learners, of whom some leave.
    fn capture(&mut self, as_of: u64, rng: &mut Rng) {
        let mut collected = Collected::beside(Vec::new(), as_of);
        // Now and then nearly all, or nearly nobody; in turn, so that packs are superseded by and by or at once.
        let learners = [3, 40, LEARNERS][rng.usize(..3)];
        let some = rng.choose_multiple(0..LEARNERS, learners);
        let all_leave = rng.u8(..20) == 0;
        for number in some {
            let user_id = format!("learner-{number}");
            let bytes = if rng.u8(..50) == 0 { 20_000 } else { 4_000 };
            let mut head = vec![0; rng.usize(1..bytes)];
            rng.fill(&mut head);
            let leaves = all_leave || rng.u8(..10) == 0;
            collected.add(Saved {
                user_id: user_id.as_str().into(),
                changes: vec![StateChange {
                    part: StatePart::Head,
                    bytes: Some(head.clone()),
                }],
                standings: leaves.then(Vec::new),
            });
            let is_apart = leaves || !crate::learner::pack::is_packed(&user_id, &head);
            self.newest.insert(user_id, (head, is_apart));
        }
        let records = &self.records;
        let changes = self
            .packs
            .write(collected, |number| records.get(&pack_key(number)).cloned());
        let written: HashSet<_> = changes.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(written.len(), changes.len(), "a record is written once");
        for (key, record) in changes {
            match record {
                Some(record) => self.records.insert(key, record),
                None => Some(self.records.remove(&key).expect("it was there")),
            };
        }
    }

    /// The newest packed head of each learner with its index and its pack, as a start finds them.
    fn packed(&self) -> BTreeMap<String, (u64, u32, Vec<u8>)> {
        let mut packed = BTreeMap::new();
        for (key, record) in &self.records {
            let Some(RecordKey::Pack(number)) = parse_key(key) else {
                continue;
            };
            let (as_of, heads) = packed_heads(number, record).expect("a pack");
            for (user_id, head) in heads {
                let newest = packed.entry(user_id.to_owned());
                let newest = newest.or_insert((as_of, number, head.to_vec()));
                if newest.0 < as_of {
                    *newest = (as_of, number, head.to_vec());
                }
            }
        }
        packed
    }

    fn check(&self) {
        let packed = self.packed();
        for (user_id, (head, is_apart)) in &self.newest {
            let own = self.own(user_id);
            let own_as_of = own.as_ref().map(|(as_of, _)| *as_of);
            let pack = packed.get(user_id);
            if *is_apart {
                assert!(own_as_of >= pack.map(|(as_of, ..)| *as_of), "{user_id}");
                assert_eq!(own.map(|(_, head)| head).as_ref(), Some(head), "{user_id}");
            } else {
                assert!(own_as_of < pack.map(|(as_of, ..)| *as_of), "{user_id}");
                assert_eq!(pack.map(|(.., head)| head), Some(head), "{user_id}");
            }
        }
        assert!(
            packed
                .keys()
                .all(|user_id| self.newest.contains_key(user_id))
        );
    }

    fn own(&self, user_id: &str) -> Option<(u64, Vec<u8>)> {
        let key = crate::learner::learner_key(user_id, StatePart::Head, 0);
        let record = self.records.get(&key)?;
        let head = crate::learner::first_piece::FirstPiece::of(record).bytes;
        Some((Gathered::begin(user_id, record).as_of(), head.to_vec()))
    }

    /// A start: only what is stored is known.
    fn restart(&mut self) {
        self.packs = Packs::default();
        for (key, record) in &self.records {
            if let Some(RecordKey::Pack(number)) = parse_key(key) {
                let (_, heads) = packed_heads(number, record).expect("a pack");
                self.packs.found(number, heads.len());
            }
        }
        for (user_id, (_, number, _)) in self.packed() {
            if !self.newest[&user_id].1 {
                self.packs.holds(number, &user_id);
            }
        }
    }

    /// Heads in packs, and learners whose newest is among them.
    fn sizes(&self) -> (usize, usize) {
        let packs = self.records.keys();
        let packs = packs.filter(|key| matches!(parse_key(key), Some(RecordKey::Pack(_))));
        let heads = packs.map(|key| Pack::read(&self.records[key]).expect("a pack").1.len());
        let live = self.newest.values().filter(|(_, is_apart)| !is_apart);
        (heads.sum(), live.count())
    }
}

#[test]
fn of_every_learner_the_newest_head_is_found() {
    let seed = std::env::var("HOMEROOM_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("replay with: HOMEROOM_SEED={seed} cargo test -p homeroom-node --lib learner::packs");
    let mut rng = Rng::with_seed(seed);
    let mut rig = Rig::default();
    for as_of in 1..=CAPTURES {
        rig.capture(as_of, &mut rng);
        rig.check();
        let (heads, live) = rig.sizes();
        assert!(heads <= 2 * live, "{heads} heads are stored for {live}");
        if rng.u8(..10) == 0 {
            rig.restart();
        }
    }
}

#[test]
fn a_pack_that_cannot_be_read_stays_where_it_is() {
    let saved = |user_id: &str| Saved {
        user_id: user_id.into(),
        changes: vec![StateChange {
            part: StatePart::Head,
            bytes: Some(vec![7]),
        }],
        standings: None,
    };
    let mut packs = Packs::default();
    let mut first = Collected::beside(Vec::new(), 1);
    ["ada", "bob", "cyd"]
        .into_iter()
        .for_each(|user_id| first.add(saved(user_id)));
    let nowhere = |_| None::<Vec<u8>>;
    assert_eq!(packs.write(first, nowhere).len(), 1);
    let mut second = Collected::beside(Vec::new(), 2);
    ["ada", "bob"]
        .into_iter()
        .for_each(|user_id| second.add(saved(user_id)));
    let changes = packs.write(second, nowhere);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].0, pack_key(1), "cyd's head is in pack 0");
}
