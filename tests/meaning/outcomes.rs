//! Every delivery has one outcome, equal to the model's.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use homeroom_core::shard::{Counters, LETTER_BYTES_MAX, Outcome, STATE_BYTES_MAX};
use homeroom_core::{Event, EventType, Reason, Settings};
use homeroom_tests::oracle::{self, NaiveEvent, NaiveModel, SourceCounts};

use crate::plan::Plan;
use crate::seeds::each_seed;
use homeroom_tests::rig::{
    CoreRig, Delivery, Unruly, assert_reads_equal, core_event, core_reason, core_refusal,
};

const BROKEN: [&str; 5] = [
    "{",
    "[]",
    "{\"source\":\"lms\"}",
    "{\"source\":\"tool\",\"userId\":7}",
    "{\"source\":\"lms\",\"userId\":\"\"}",
];

/// The same authority for the core and the model: for quizzes, the tool's events count.
fn settings() -> (Settings, oracle::Settings) {
    let authority: BTreeMap<String, BTreeSet<String>> = [
        ("quiz_submitted".to_owned(), ["tool".to_owned()].into()),
        (
            "video_paused".to_owned(),
            ["tool".to_owned(), "video".to_owned()].into(),
        ),
    ]
    .into();
    let core = Settings {
        authority: authority.clone(),
        ..Settings::default()
    };
    let naive = oracle::Settings {
        authority,
        ..oracle::Settings::default()
    };
    (core, naive)
}

/// Converts the core's outcome into the model's.
pub fn assert_outcome(got: Outcome, expected: oracle::Outcome) {
    let expected = match expected {
        oracle::Outcome::Accepted => Outcome::Accepted,
        oracle::Outcome::Duplicate { conflicting } => Outcome::Duplicate {
            conflicting,
            reason: None,
        },
        oracle::Outcome::DuplicateRefusal(reason) => Outcome::Duplicate {
            conflicting: false,
            reason: Some(core_reason(reason)),
        },
        oracle::Outcome::Shadowed => Outcome::Shadowed,
        oracle::Outcome::DeadLetter(reason) => Outcome::DeadLettered(core_reason(reason)),
    };
    assert_eq!(got, expected);
}

/// The counters of every source are the model's.
pub fn assert_counts_equal(rig: &CoreRig, model: &NaiveModel) {
    let got: BTreeMap<String, SourceCounts> = rig
        .shard
        .counters()
        .into_iter()
        .map(|(source, counters)| (source.to_owned(), as_model(counters)))
        .collect();
    assert_eq!(got, model.counts().by_source);
}

fn as_model(counters: &Counters) -> SourceCounts {
    use oracle::Reason::{
        BadTimestamp, BeyondRetention, FutureTimestamp, LearnerFull, Malformed, MissingField,
        Oversized, SchemaMismatch, ValueOutOfRange,
    };
    let reasons = [
        Malformed,
        Oversized,
        SchemaMismatch,
        MissingField,
        BadTimestamp,
        FutureTimestamp,
        ValueOutOfRange,
        BeyondRetention,
        LearnerFull,
    ];
    let dead_lettered = reasons.into_iter().filter_map(|reason| {
        let count = counters.dead_lettered.get(&core_reason(reason))?;
        Some((reason, *count))
    });
    SourceCounts {
        received: counters.received,
        accepted: counters.accepted,
        duplicate: counters.duplicate,
        conflicting: counters.conflicting,
        shadowed: counters.shadowed,
        dead_lettered: dead_lettered.collect(),
    }
}

/// One delivery to both. Ids are repeated, sometimes with other content, and some lines are broken.
fn deliver(
    rng: &mut Rng,
    unruly: &mut Unruly,
    model: &mut NaiveModel,
) -> (Delivery, oracle::Outcome) {
    if rng.f64() < 0.1 {
        let line = BROKEN[rng.usize(..BROKEN.len())].as_bytes();
        let refusal = oracle::parse_native(line, &oracle::Settings::default()).unwrap_err();
        let source = refusal.source.as_deref().unwrap_or("listener:http");
        let refused = core_refusal(source, core_reason(refusal.reason), line);
        return (Delivery::Refused(refused), model.deliver_native(line));
    }
    let event = unruly.event(rng);
    let delivery = Delivery::Event(core_event(&event));
    (delivery, model.deliver_event(event))
}

#[test]
fn every_delivery_has_the_outcome_that_the_model_gives() {
    each_seed(
        "outcomes::every_delivery_has_the_outcome_that_the_model_gives",
        80,
        |rng| {
            let (settings, naive) = settings();
            let mut model = NaiveModel::new(naive);
            let mut unruly = Unruly::new(rng, 3_600_000).with_ids(25);
            let all: Vec<_> = (0..rng.usize(1..120))
                .map(|_| deliver(rng, &mut unruly, &mut model))
                .collect();
            let (deliveries, expected): (Vec<Delivery>, Vec<oracle::Outcome>) =
                all.into_iter().unzip();
            let mut rig = CoreRig::new(settings);
            let mut outcomes = Vec::new();
            let plan = Plan::any(rng, unruly.end_ms());
            plan.apply(rng, &mut rig, &deliveries, |rig, applied| {
                outcomes.extend(applied.outcomes.iter().copied());
                for (source, counters) in rig.shard.counters() {
                    assert!(counters.is_conserved(), "{source}: {counters:?}");
                }
            });
            assert_eq!(outcomes.len(), expected.len());
            for (got, expected) in outcomes.into_iter().zip(expected) {
                assert_outcome(got, expected);
            }
            assert_counts_equal(&rig, &model);
            assert_reads_equal(&rig, &model);
        },
    );
}

#[test]
fn sources_beyond_256_are_counted_together() {
    let mut unruly = Unruly::new(&mut Rng::with_seed(1), 60_000);
    let mut model = NaiveModel::new(oracle::Settings::default());
    let mut rig = CoreRig::new(Settings::default());
    for number in 0..300 {
        let event = NaiveEvent {
            source: format!("source-{number}"),
            ..unruly.event(&mut Rng::with_seed(number))
        };
        rig.apply_one(1_000, core_event(&event));
        model.deliver_event(event);
    }
    assert_eq!(rig.shard.counters().len(), 257);
    assert_eq!(rig.shard.counters()["other"].received, 44);
    assert_counts_equal(&rig, &model);
}

/// One by one, so that the order in which sources are heard of is that of log time.
#[test]
fn places_that_only_refusals_took_are_used_again() {
    each_seed(
        "outcomes::places_that_only_refusals_took_are_used_again",
        12,
        |rng| {
            let mut unruly = Unruly::new(rng, 60_000);
            let mut model = NaiveModel::new(oracle::Settings::default());
            let mut rig = CoreRig::new(Settings::default());
            for number in 0..1_500_i64 {
                // Some names come again, and some of them are accepted.
                let source = format!("source-{}", rng.usize(..500));
                let delivery = if rng.f64() < 0.9 {
                    let line = format!("{{\"source\":\"{source}\",\"userId\":{number}}}");
                    let refusal = oracle::parse_native(line.as_bytes(), &Default::default());
                    let reason = core_reason(refusal.unwrap_err().reason);
                    model.deliver_native(line.as_bytes());
                    Delivery::Refused(core_refusal(&source, reason, line.as_bytes()))
                } else {
                    let event = NaiveEvent {
                        source,
                        ..unruly.event(rng)
                    };
                    model.deliver_event(event.clone());
                    Delivery::Event(core_event(&event))
                };
                rig.apply(number, &[delivery]);
            }
            assert!(rig.shard.counters().len() <= 257);
            assert!(rig.shard.counters()["other"].received > 0);
            assert!(rig.shard.counters()["other"].is_conserved());
            assert_counts_equal(&rig, &model);
            rig.restart();
            assert_counts_equal(&rig, &model);
        },
    );
}

/// Each part of the state at its bound at once, and far beyond by names, payloads and times.
#[test]
fn a_shards_record_and_its_letters_fit_whatever_the_input() {
    each_seed(
        "outcomes::a_shards_record_and_its_letters_fit_whatever_the_input",
        1,
        |rng| {
            let mut rig = CoreRig::new(Settings::default());
            let name = |rng: &mut Rng| {
                let length = [1, 7, 1_024, 1_025, 3_000][rng.usize(..5)];
                format!("{:0length$}", rng.u32(..2_000))
            };
            for number in 0..2_000_u32 {
                let bytes = [0, 100, 60_000, 2_000_000][rng.usize(..4).min(rng.usize(..4))];
                let mut payload = vec![b'x'; bytes];
                payload.extend_from_slice(&number.to_le_bytes());
                let reason = Reason::ALL[rng.usize(..Reason::ALL.len())];
                let refused = core_refusal(&name(rng), reason, &payload);
                let mut deliveries = vec![Delivery::Refused(refused)];
                // Years ahead of log time: no such event passes ingress, but a log may have it.
                let at_ms = i64::from(rng.u32(..)) * 1_000;
                let (id, source) = (number.to_string(), name(rng));
                if number % 8 == 0 {
                    let event = Event::bare(id.clone(), id, at_ms, EventType::Click, source);
                    deliveries.push(Delivery::Event(event));
                }
                rig.apply(0, &deliveries);
            }
            assert!(rig.shard.counters().len() <= 257);
            assert!(rig.shard.encode().len() <= STATE_BYTES_MAX);
            for change in rig.shard.dead_letters_mut().take_changes() {
                let bytes = change.bytes.map_or(0, |bytes| bytes.len());
                assert!(bytes <= LETTER_BYTES_MAX, "{bytes}");
            }
        },
    );
}

#[test]
fn an_event_without_an_id_is_known_by_its_content() {
    let mut unruly = Unruly::new(&mut Rng::with_seed(2), 60_000);
    let nameless = NaiveEvent {
        event_id: String::new(),
        ..unruly.event(&mut Rng::with_seed(3))
    };
    let named = |event: &NaiveEvent| {
        let mut event = core_event(event);
        event.derive_id_if_missing();
        event
    };
    let (first, again) = (named(&nameless), named(&nameless));
    assert_eq!(first, again, "a retry gets the same id");
    let other = named(&NaiveEvent {
        timestamp_ms: nameless.timestamp_ms + 1,
        ..nameless
    });
    assert_ne!(first.event_id, other.event_id);
    let mut rig = CoreRig::new(Settings::default());
    let all = [first, again, other].map(Delivery::Event);
    let duplicate = Outcome::Duplicate {
        conflicting: false,
        reason: None,
    };
    assert_eq!(
        rig.apply(0, &all).outcomes,
        [Outcome::Accepted, duplicate, Outcome::Accepted]
    );
}
