//! Three replicas apply one log, each with its own schedule of checkpoints, evictions,
//! passivations and restarts. They agree after every entry, and with a replica that has everything
//! in memory.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_core::Settings;
use homeroom_core::learner::{ALWAYS, WindowQuery};
use homeroom_core::shard::{DeadLetter, Outcome};
use homeroom_tests::oracle::{self, NaiveEvent, NaiveModel};
use homeroom_tests::rig::{COURSES, CoreRig, SHAPES, assert_reads_equal};

use crate::poison::hush;
use crate::random_log::RandomLog;
use crate::seeds::each_seed;

/// Events of a log.
const EVENTS: usize = 300;

/// A replica, with the records that its checkpoints stored.
struct Replica {
    rig: CoreRig,
    rng: Rng,
    /// How often something happens between two entries, of 100.
    unrest: u32,
    stored: Stored,
}

/// What a replica begins from after a crash.
#[derive(Default)]
struct Stored {
    index: u64,
    state: Option<Vec<u8>>,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Replica {
    fn new(rng: &mut Rng) -> Self {
        Self {
            rig: CoreRig::new(Settings::default()),
            rng: rng.fork(),
            unrest: [3, 20, 60][rng.usize(..3)],
            stored: Stored::default(),
        }
    }

    /// Between two entries, after the one at an index.
    fn rest(&mut self, index: u64, log: &RandomLog) {
        if self.rng.u32(..100) >= self.unrest {
            return;
        }
        match self.rng.u32(..10) {
            0..3 => self.capture(index),
            3 => self.crash(index, log),
            _ => self.rig.disturb(&mut self.rng),
        }
    }

    fn capture(&mut self, index: u64) {
        let captured = self.rig.capture();
        self.stored.index = index;
        self.stored.state = Some(captured.state);
        for (key, bytes) in captured.changes {
            match bytes {
                Some(bytes) => self.stored.records.insert(key, bytes),
                None => self.stored.records.remove(&key),
            };
        }
    }

    /// Begins again from the last checkpoint, and applies the log behind it once more.
    fn crash(&mut self, index: u64, log: &RandomLog) {
        let Stored {
            index: from,
            state,
            records,
        } = &self.stored;
        self.rig = match state {
            Some(state) => {
                let records = records.iter();
                let records = records.map(|(key, bytes)| (key.clone(), bytes.clone()));
                CoreRig::restored(state.clone(), records)
            }
            None => CoreRig::new(Settings::default()),
        };
        for (index, entry) in (1..=index).zip(&log.entries).skip(*from as usize) {
            self.rig.apply_entry(index, &entry.bytes);
        }
    }
}

/// The shard's own record and its dead letters.
fn stored(rig: &CoreRig) -> (Vec<u8>, Vec<(u64, DeadLetter)>) {
    let letters = rig.shard.dead_letters().iter();
    let letters = letters.map(|(number, letter)| (number, letter.clone()));
    (rig.shard.encode(), letters.collect())
}

/// All that is kept of each learner, whatever is in memory.
fn content(rig: &CoreRig) -> BTreeMap<String, Vec<String>> {
    let at = rig.at();
    let mut content = BTreeMap::new();
    for (user_id, learner) in rig.learners.iter().filter(|(_, it)| it.is_known()) {
        let mut shown = vec![
            format!("{:?}", learner.profile(&at)),
            format!(
                "{:?}",
                learner.sessions(at.watermark_ms).collect::<Vec<_>>()
            ),
            format!("{:?}", (learner.events(), learner.identities())),
            format!("{:?}", (learner.kept_bytes(), learner.kept_estimate())),
        ];
        let whole = rig.whole(user_id);
        for course_id in COURSES.map(Some).into_iter().chain([None]) {
            let id = course_id.unwrap_or_default();
            shown.push(format!("{:?}", learner.standing(id, at.floor_ms)));
            for shape in SHAPES {
                let query = WindowQuery {
                    course_id: course_id.map(str::to_owned),
                    ..WindowQuery::all(shape)
                };
                shown.push(format!("{:?}", whole.windows(&query, &at)));
            }
        }
        content.insert(user_id.clone(), shown);
    }
    content
}

fn evicted(rig: &CoreRig) -> usize {
    let learners = rig.learners.values();
    learners.map(|it| it.missing_within(&ALWAYS).len()).sum()
}

fn agree(rng: &mut Rng) {
    hush();
    let log = RandomLog::any(rng, EVENTS);
    let mut calm = CoreRig::new(Settings::default());
    let mut replicas = [(); 3].map(|()| Replica::new(rng));
    let mut accepted: Vec<NaiveEvent> = Vec::new();
    for (index, entry) in (1..).zip(&log.entries) {
        let expected = calm.apply_entry(index, &entry.bytes);
        for (replica, number) in replicas.iter_mut().zip(1..) {
            let outcomes = replica.rig.apply_entry(index, &entry.bytes);
            assert_eq!(outcomes, expected, "replica {number}, entry {index}");
            assert_eq!(
                replica.rig.shard.entry_hash(),
                calm.shard.entry_hash(),
                "replica {number}, entry {index}: {} blocks were evicted",
                evicted(&replica.rig)
            );
            replica.rest(index, &log);
        }
        let events = entry.deliveries.iter().zip(&expected);
        let taken = events.filter(|(_, outcome)| **outcome == Outcome::Accepted);
        accepted.extend(taken.filter_map(|(event, _)| event.clone()));
    }
    for replica in &replicas {
        assert!(stored(&replica.rig) == stored(&calm), "the shard's records");
        assert_eq!(content(&replica.rig), content(&calm));
    }
    if !log.changes_settings {
        accepted.sort_by(|a, b| a.order().cmp(&b.order()));
        // What has room depends on the order of arrival, and is judged already.
        let settings = oracle::Settings {
            learner_bytes_max: u64::MAX,
            ..oracle::Settings::default()
        };
        let model = NaiveModel::from_events(accepted, settings);
        replicas
            .iter()
            .for_each(|replica| assert_reads_equal(&replica.rig, &model));
    }
}

/// Thousands of seeds: `HOMEROOM_CASES=40000 cargo test -p homeroom-tests --test meaning --
/// three_rigs`.
#[test]
fn three_replicas_agree_after_every_entry() {
    each_seed(
        "three_rigs::three_replicas_agree_after_every_entry",
        6,
        agree,
    );
}
