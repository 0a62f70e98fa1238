//! Every delivery has one outcome, equal to the model's.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use homeroom_core::Settings;
use homeroom_core::shard::{Counters, Outcome};
use homeroom_tests::oracle::{self, NaiveEvent, NaiveModel, SourceCounts};

use crate::convert::{core_event, core_reason, core_refusal};
use crate::plan::Plan;
use crate::reading::assert_reads_equal;
use crate::rig::{CoreRig, Delivery};
use crate::seeds::each_seed;
use crate::unruly::Unruly;

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
        BadTimestamp, BeyondRetention, FutureTimestamp, Malformed, MissingField, Oversized,
        SchemaMismatch, ValueOutOfRange,
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
