//! Stored bytes decode to the state that was encoded. Other bytes give an error, not a panic.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_core::entry::{
    Command, Entry, Record, RecordBuffer, encode_batch, encode_settings, encode_tick,
};
use homeroom_core::learner::{Learner, StatePart};
use homeroom_core::shard::ShardState;
use homeroom_core::{
    DecodeError, Event, LatePolicy, Reason, Refusal, Settings, SourcePolicy, WindowShape,
};

use crate::plan::Plan;
use crate::seeds::each_seed;
use homeroom_tests::rig::{Delivery, Unruly, core_event, core_refusal};

fn any_event(rng: &mut Rng) -> Event<'static> {
    let number = |rng: &mut Rng| rng.bool().then(|| rng.u64(..) >> rng.u32(..64));
    let naive = Unruly::new(rng, 60_000).event(rng);
    let text: String = (0..rng.usize(..20)).map(|_| rng.char(..)).collect();
    Event {
        event_id: Cow::Owned(text.clone()),
        producer_sequence: number(rng),
        duration_ms: number(rng),
        watched_ms: number(rng),
        length_ms: number(rng),
        position_ms: number(rng),
        timestamp_ms: rng.i64(..) >> rng.u32(..64),
        metadata: vec![(Cow::Borrowed("note"), Cow::Owned(text))],
        ..core_event(&naive)
    }
}

fn any_refusal(rng: &mut Rng) -> Refusal<'static> {
    let payload: Vec<u8> = (0..rng.usize(..50)).map(|_| rng.u8(..)).collect();
    let reason = Reason::ALL[rng.usize(..Reason::ALL.len())];
    Refusal {
        user_id: rng.bool().then_some(Cow::Borrowed("émile")),
        ..core_refusal("lms", reason, &payload)
    }
}

#[test]
fn records_of_a_batch_come_back_in_order() {
    each_seed(
        "encoding::records_of_a_batch_come_back_in_order",
        60,
        |rng| {
            let events: Vec<Event<'_>> = (0..rng.usize(..6)).map(|_| any_event(rng)).collect();
            let refusals: Vec<Refusal<'_>> =
                (0..rng.usize(..4)).map(|_| any_refusal(rng)).collect();
            let mut pieces = [RecordBuffer::default(), RecordBuffer::default()];
            events.iter().for_each(|event| pieces[0].push_event(event));
            refusals
                .iter()
                .for_each(|refusal| pieces[1].push_refusal(refusal.clone()));
            let log_time_ms = rng.i64(..);
            let bytes = encode_batch(log_time_ms, pieces.iter());
            let entry = Entry::decode(&bytes).unwrap();
            assert_eq!(entry.log_time_ms, log_time_ms);
            let Command::Batch(records) = entry.command else {
                panic!("not a batch")
            };
            assert_eq!(records.len(), events.len() + refusals.len());
            let records: Vec<Record<'_>> = records.map(Result::unwrap).collect();
            let (got_events, got_refusals) = records.split_at(events.len());
            for (got, event) in got_events.iter().zip(&events) {
                let Record::Event {
                    user_id,
                    event: encoded,
                } = got
                else {
                    panic!("not an event: {got:?}")
                };
                assert_eq!(Event::decode(user_id, encoded).as_ref(), Ok(event));
            }
            for (got, refusal) in got_refusals.iter().zip(refusals) {
                assert_eq!(*got, Record::Refused(refusal));
            }
        },
    );
}

#[test]
fn ticks_and_settings_come_back() {
    assert_eq!(
        Entry::decode(&encode_tick(-7)),
        Ok(Entry {
            log_time_ms: -7,
            command: Command::Tick
        })
    );
    let policy = SourcePolicy {
        ordered: true,
        delay_ms: Some(5),
        ..SourcePolicy::default()
    };
    let settings = Settings {
        version: 9,
        late_policy: LatePolicy::DeadLetter,
        authority: BTreeMap::from([("quiz_submitted".to_owned(), ["tool".to_owned()].into())]),
        sources: BTreeMap::from([("lms".to_owned(), policy)]),
        windows: vec![WindowShape::SLIDING],
        poison_drill_type: Some("drill".to_owned()),
        ..Settings::default()
    };
    let bytes = encode_settings(3, &settings);
    let command = Entry::decode(&bytes).unwrap().command;
    assert_eq!(command, Command::Settings(Box::new(settings)));
}

#[test]
fn an_unknown_version_is_refused_by_name() {
    let mut entry = encode_tick(1);
    entry[0] = 9;
    assert_eq!(Entry::decode(&entry), Err(DecodeError::UnknownVersion(9)));
    let mut event = Vec::new();
    any_event(&mut Rng::with_seed(1)).encode_into(&mut event);
    event[0] = 9;
    assert_eq!(
        Event::decode("ada", &event),
        Err(DecodeError::UnknownVersion(9))
    );
    let learner = Learner::restore("ada", &[9], std::iter::empty());
    assert_eq!(learner, Err(DecodeError::UnknownVersion(9)));
    let shard = ShardState::restore(&[9], std::iter::empty());
    assert_eq!(shard, Err(DecodeError::UnknownVersion(9)));
}

#[test]
fn nothing_at_all_is_damage() {
    assert_eq!(Entry::decode(&[]), Err(DecodeError::Damaged));
    assert_eq!(Event::decode("ada", &[]), Err(DecodeError::Damaged));
    let learner = Learner::restore("ada", &[], std::iter::empty());
    assert_eq!(learner, Err(DecodeError::Damaged));
    let shard = ShardState::restore(&[], std::iter::empty());
    assert_eq!(shard, Err(DecodeError::Damaged));
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_damage() {
    // Version, log time 0, a batch, and a count of four billion records that do not follow.
    let bytes = [1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    assert_eq!(Entry::decode(&bytes), Err(DecodeError::Damaged));
}

/// Every stored form, of a shard with a long history.
struct Written {
    entries: Vec<Vec<u8>>,
    heads: Vec<Vec<u8>>,
    blocks: Vec<Vec<u8>>,
    letters: Vec<Vec<u8>>,
    shard: Vec<u8>,
}

fn written(rng: &mut Rng) -> Written {
    let mut unruly = Unruly::new(rng, 3_600_000);
    let events = unruly.events(rng, 30);
    let mut plan = Plan::any(rng, unruly.end_ms());
    plan.disturbed = false;
    let mut rig = plan.run(rng, Settings::default(), &events);
    rig.apply(
        rig.shard.log_time_ms(),
        &[Delivery::Refused(any_refusal(rng))],
    );
    let mut all = Written {
        entries: rig.log.clone(),
        heads: Vec::new(),
        blocks: Vec::new(),
        letters: Vec::new(),
        shard: rig.shard.encode(),
    };
    let learners = rig.learners.values_mut();
    for change in learners.flat_map(|learner| learner.take_changes(true)) {
        let bytes = change.bytes.expect("nothing was deleted");
        match change.part {
            StatePart::Head => all.heads.push(bytes),
            StatePart::Block(_) => all.blocks.push(bytes),
        }
    }
    let letters = rig.shard.dead_letters_mut().take_changes();
    all.letters
        .extend(letters.into_iter().filter_map(|change| change.bytes));
    all
}

/// Truncated, with a flipped bit, or random after the version.
fn damaged(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match rng.usize(..3) {
        0 => bytes.truncate(rng.usize(..bytes.len())),
        1 => {
            for _ in 0..rng.usize(1..4) {
                let place = rng.usize(..bytes.len());
                bytes[place] ^= 1 << rng.u32(..8);
            }
        }
        _ => bytes[1..].fill_with(|| rng.u8(..)),
    }
    bytes
}

/// Reads all that can be read: any result but a panic is right.
fn read_entry(bytes: &[u8]) {
    let Ok(entry) = Entry::decode(bytes) else {
        return;
    };
    if let Command::Batch(records) = entry.command {
        for record in records.flatten() {
            if let Record::Event { user_id, event } = record {
                let _ = Event::decode(user_id, event);
            }
        }
    }
}

#[test]
fn damaged_bytes_are_an_error_or_something_else_but_never_a_panic() {
    each_seed(
        "encoding::damaged_bytes_are_an_error_or_something_else_but_never_a_panic",
        40,
        |rng| {
            let all = written(rng);
            for entry in &all.entries {
                read_entry(&damaged(rng, entry));
            }
            for head in &all.heads {
                let blocks = all.blocks.iter().map(|bytes| damaged(rng, bytes));
                let blocks: Vec<Vec<u8>> = blocks.collect();
                let parts = (0..).map(|at| StatePart::Block(at * 3_600_000));
                let parts = parts.zip(blocks.iter().map(Vec::as_slice));
                let _ = Learner::restore("ada", head, parts.clone());
                let _ = Learner::restore_partial("ada", head, parts);
                let _ = Learner::restore("ada", &damaged(rng, head), std::iter::empty());
            }
            let letter = (7, damaged(rng, &all.letters[0]));
            let _ = ShardState::restore(&all.shard, std::iter::once(letter));
            let _ = ShardState::restore(&damaged(rng, &all.shard), std::iter::empty());
            let noise: Vec<u8> = (0..rng.usize(1..200)).map(|_| rng.u8(..)).collect();
            let mut noise = noise;
            noise[0] = 1;
            read_entry(&noise);
            noise[0] = rng.u8(2..4);
            let _ = ShardState::restore(&noise, [(0, noise.clone())].into_iter());
            noise[0] = rng.u8(4..6);
            let part = (StatePart::Block(0), noise.as_slice());
            let _ = Learner::restore("ada", &noise, [part].into_iter());
        },
    );
}

#[test]
fn a_cut_record_is_an_error() {
    each_seed("encoding::a_cut_record_is_an_error", 20, |rng| {
        let all = written(rng);
        for head in &all.heads {
            let cut = &head[..rng.usize(1..head.len())];
            let learner = Learner::restore("ada", cut, std::iter::empty());
            assert_eq!(learner, Err(DecodeError::Damaged));
        }
        let cut = &all.shard[..rng.usize(1..all.shard.len())];
        let shard = ShardState::restore(cut, std::iter::empty());
        assert_eq!(shard, Err(DecodeError::Damaged));
    });
}
