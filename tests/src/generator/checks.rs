//! Checks with the oracle that generated files have the properties that their settings ask for.

use std::collections::BTreeSet;

use super::{EventLines, GeneratorSettings};
use crate::oracle::{NaiveModel, Settings, WindowSpec};

fn settings() -> GeneratorSettings {
    GeneratorSettings {
        lines: 40_000,
        learners: 400,
        broken: 0.01,
        seed: 42,
        ..GeneratorSettings::default()
    }
}

fn model<'a>(lines: impl IntoIterator<Item = &'a String>) -> NaiveModel {
    // A clock within a year of the events, so that dates centuries later are in the future.
    let settings = Settings {
        now_ms: Some(1_760_000_000_000),
        ..Settings::default()
    };
    NaiveModel::from_lines(lines, settings)
}

#[test]
fn a_seed_gives_one_file() {
    let few = |seed: u64| -> Vec<String> {
        EventLines::new(GeneratorSettings {
            lines: 2_000,
            learners: 20,
            seed,
            ..settings()
        })
        .collect()
    };
    assert_eq!(few(1), few(1));
    assert_ne!(few(1), few(2));
}

#[test]
fn fractions_are_kept_and_everything_is_conserved() {
    let lines: Vec<String> = EventLines::new(settings()).collect();
    let model = model(&lines);
    let total = model.counts().total();
    let share = |count: u64| count as f64 / total.received as f64;
    assert_eq!(total.received, 40_000);
    assert!(
        model
            .counts()
            .by_source
            .values()
            .all(|counts| counts.is_conserved())
    );
    assert!(
        (0.015..0.025).contains(&share(total.duplicate)),
        "{total:?}"
    );
    assert!(
        (0.007..0.013).contains(&share(total.dead_lettered.values().sum())),
        "{total:?}"
    );
    assert_eq!(total.dead_lettered.len(), 7, "{total:?}");
    assert!(total.conflicting > 0);
    let sources: Vec<&str> = model
        .counts()
        .by_source
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(sources, ["assessment", "listener:http", "lms", "video"]);
}

#[test]
fn windows_do_not_depend_on_the_order_of_arrival() {
    let mut lines: Vec<String> = EventLines::new(settings()).collect();
    let in_order = model(&lines).windows(WindowSpec::MINUTE);
    fastrand::Rng::with_seed(7).shuffle(&mut lines);
    assert_eq!(model(&lines).windows(WindowSpec::MINUTE), in_order);
}

#[test]
fn event_time_spans_what_was_asked_for() {
    let lines: Vec<String> = EventLines::new(settings()).collect();
    let model = model(&lines);
    let times = model
        .learners()
        .flat_map(|learner| learner.events)
        .map(|event| event.timestamp_ms);
    let sorted: Vec<i64> = times.collect::<BTreeSet<_>>().into_iter().collect();
    // A few events are hours early on purpose.
    let span_ms = sorted[sorted.len() - 1] - sorted[sorted.len() / 50];
    let hours = span_ms as f64 / 3_600_000.0;
    assert!((1.5..2.5).contains(&hours), "{hours}");
}

#[test]
fn nothing_that_was_numbered_is_held_back_beyond_the_end() {
    for seed in 1..20 {
        let settings = GeneratorSettings {
            lines: 5_000,
            broken: 0.0,
            seed,
            ..settings()
        };
        let numbers: std::collections::BTreeSet<u64> = EventLines::new(settings)
            .filter_map(|line| {
                let event: serde_json::Value = serde_json::from_str(&line).ok()?;
                let number = event.get("producerSequence");
                number.or(event.get("producer_sequence"))?.as_u64()
            })
            .collect();
        assert_eq!(
            numbers.len() as u64,
            *numbers.last().expect("numbers"),
            "seed {seed}"
        );
    }
}
