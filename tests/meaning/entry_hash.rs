//! The entry hash: a function of the log alone, and of all of it.

use fastrand::Rng;
use homeroom_core::entry::{Command, Entry, Record, RecordBuffer, encode_batch, encode_tick};
use homeroom_core::{
    AmendedLetter, DeadLetterUpdate, EntryHash, Event, EventType, Reason, Settings,
};
use homeroom_tests::rig::{CoreRig, Delivery, core_refusal};

use crate::poison::hush;
use crate::random_log::RandomLog;
use crate::seeds::each_seed;
use crate::watermark::click;

const START_MS: i64 = 1_741_168_800_000;

/// A log with one of each: a tick, events, a repetition, a conflict, a late event, a refusal,
/// settings, a change of dead letters.
fn each_kind() -> CoreRig {
    let mut rig = CoreRig::new(Settings::default());
    rig.tick(START_MS);
    let quiz = |id: &str, at_ms| Event {
        event_type: EventType::QuizSubmitted,
        score_millionths: Some(700_000),
        attempt_id: Some("attempt".into()),
        ..click("lms", id, START_MS + at_ms)
    };
    let first = [
        click("lms", "1", START_MS),
        quiz("2", 1_000),
        click("lms", "1", START_MS),
        click("lms", "1", START_MS + 1),
    ];
    rig.apply(START_MS + 2_000, &first.map(Delivery::Event));
    let refused = core_refusal("lms", Reason::Malformed, b"{");
    rig.apply(START_MS + 3_000, &[Delivery::Refused(refused)]);
    rig.apply_one(START_MS + 400_000, click("lms", "3", START_MS + 400_000));
    rig.apply_one(START_MS + 401_000, quiz("late", 5_000));
    let settings = Settings {
        version: 1,
        ..Settings::default()
    };
    rig.change_settings(START_MS + 402_000, &settings);
    let amended = AmendedLetter {
        number: 0,
        reason: Reason::SchemaMismatch,
        detail: "another reason".into(),
        user_id: None,
    };
    let work = DeadLetterUpdate {
        removed: Vec::new(),
        amended: vec![amended],
    };
    rig.update_dead_letters(START_MS + 403_000, &work);
    rig
}

/// The hash is compared between replicas of different builds, and stored. If it has to change, so
/// has the version of the shard's record, and replicas of both builds can't be compared.
#[test]
fn the_hash_of_a_log_never_changes() {
    let mut rig = each_kind();
    assert_eq!(rig.shard.entry_hash().to_string(), "55c68a0757171186");
    assert_eq!(rig.shard.entry_hash().since_index(), Some(0));
    let before = rig.shard.entry_hash();
    rig.restart();
    assert_eq!(rig.shard.entry_hash(), before);
}

fn hash_of(log: &[Vec<u8>]) -> EntryHash {
    let mut rig = CoreRig::new(Settings::default());
    for (index, entry) in (1..).zip(log) {
        rig.apply_entry(index, entry);
    }
    rig.shard.entry_hash()
}

/// The records of a batch in another order; `None` if it has fewer than two different ones.
fn reordered(rng: &mut Rng, entry: &[u8]) -> Option<Vec<u8>> {
    let entry = Entry::decode(entry).expect("its own encoding");
    let Command::Batch(records) = entry.command else {
        return None;
    };
    let records: Vec<Record> = records.map(|it| it.expect("its own encoding")).collect();
    let place = rng.usize(1..records.len().max(2));
    (records.len() > 1 && records[0] != records[place]).then(|| {
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.swap(0, place);
        let piece = order
            .into_iter()
            .fold(RecordBuffer::default(), |piece, at| {
                pushed(piece, &records[at])
            });
        encode_batch(entry.log_time_ms, std::iter::once(&piece))
    })
}

fn pushed(mut piece: RecordBuffer, record: &Record<'_>) -> RecordBuffer {
    match record {
        Record::Event { user_id, event } => {
            piece.push_event(&Event::decode(user_id, event).expect("its own encoding"));
        }
        Record::Refused(refusal) => piece.push_refusal(refusal.clone()),
    }
    piece
}

/// The log with one change: an entry left out or repeated, two exchanged, one bit, the order within
/// a batch, the log time of a tick.
fn changed(rng: &mut Rng, log: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut other = log.to_vec();
    let place = rng.usize(..log.len());
    match rng.usize(..5) {
        0 => {
            other.remove(place);
        }
        1 => other.insert(place, log[place].clone()),
        2 => other.swap(place, rng.usize(..log.len())),
        3 => other[place] = reordered(rng, &log[place]).unwrap_or_else(|| log[place].clone()),
        _ => {
            let log_time_ms = Entry::decode(&log[place]).expect("its own").log_time_ms;
            other.insert(place, encode_tick(log_time_ms));
        }
    }
    other
}

#[test]
fn every_change_of_the_log_shows() {
    each_seed("entry_hash::every_change_of_the_log_shows", 20, |rng| {
        hush();
        let log = RandomLog::any(rng, 150).bytes();
        let hash = hash_of(&log);
        assert_eq!(hash_of(&log), hash, "the same log");
        for _ in 0..4 {
            let other = changed(rng, &log);
            assert_eq!(hash_of(&other) == hash, other == log);
        }
    });
}

/// The bug that it has to find: a replica lost an event. All outcomes are equal none the less.
#[test]
fn a_lost_event_shows_with_the_next_one_of_its_learner() {
    let event = |id: &str, at_ms| click("lms", id, START_MS + at_ms);
    let mut sound = CoreRig::new(Settings::default());
    let mut broken = CoreRig::new(Settings::default());
    let both = |sound: &mut CoreRig, broken: &mut CoreRig, event: Event<'static>| {
        let applied = sound.apply_one(event.timestamp_ms, event.clone());
        let other = broken.apply_one(event.timestamp_ms, event);
        assert_eq!(applied.outcomes, other.outcomes);
        sound.shard.entry_hash() == broken.shard.entry_hash()
    };
    assert!(both(&mut sound, &mut broken, event("1", 0)));
    let before = broken.learners["ada"].clone();
    assert!(both(&mut sound, &mut broken, event("2", 1)));
    broken.learners.insert("ada".to_owned(), before);
    assert!(!both(&mut sound, &mut broken, event("3", 2)));
    let of_another = Event {
        user_id: "bo".into(),
        ..event("4", 3)
    };
    assert!(
        !both(&mut sound, &mut broken, of_another),
        "and from then on"
    );
}
