//! The windows that an event touches: its own, and those of events whose contribution it changes.

use std::collections::{BTreeMap, BTreeSet};

use homeroom_core::learner::WindowQuery;
use homeroom_core::{Settings, WindowShape};
use homeroom_tests::oracle::{NaiveEvent, NaiveLearner};
use homeroom_tests::rig::{CoreRig, Delivery, SHAPES, core_event};

/// A learner's accepted events, by id.
pub type Accepted = BTreeMap<String, NaiveEvent>;

/// An event's contribution to windows besides its count: watched time, and the score if it
/// represents a quiz attempt.
type Worth = (i64, Option<i64>);

fn worths(events: &Accepted) -> BTreeMap<&str, (i64, Worth)> {
    let learner = NaiveLearner::new("someone", events.values());
    let mut worths: BTreeMap<&str, (i64, Worth)> = BTreeMap::new();
    for credit in learner.watched() {
        let event = credit.event;
        let worth = worths.entry(&event.event_id).or_default();
        *worth = (event.timestamp_ms, (credit.video_ms, None));
    }
    for attempt in learner.attempts().iter().filter(|attempt| attempt.is_quiz) {
        let event = attempt.newest;
        let worth = worths.entry(&event.event_id).or_default();
        worth.0 = event.timestamp_ms;
        worth.1.1 = Some(attempt.millionths);
    }
    worths
        .into_iter()
        .filter(|(_, (_, worth))| *worth != (0, None))
        .collect()
}

/// Adds an event and returns the times at which content changed.
pub fn touched_by(events: &mut Accepted, event: &NaiveEvent) -> BTreeSet<i64> {
    let mut after = events.clone();
    after.insert(event.event_id.clone(), event.clone());
    let (old, new) = (worths(events), worths(&after));
    let changed = old
        .iter()
        .chain(&new)
        .filter(|(id, _)| old.get(*id) != new.get(*id));
    let mut times: BTreeSet<i64> = changed.map(|(_, (time_ms, _))| *time_ms).collect();
    times.insert(event.timestamp_ms);
    *events = after;
    times
}

/// Starts of the windows of a shape that hold a time.
pub fn starts_over(shape: WindowShape, time_ms: i64) -> impl Iterator<Item = i64> {
    let newest = time_ms.div_euclid(shape.step_ms) * shape.step_ms;
    (0..)
        .map(move |back| newest - back * shape.step_ms)
        .take_while(move |start_ms| time_ms < start_ms + shape.size_ms)
}

/// One learner's events in two entries: the windows changed since the first are those that the
/// second touched.
pub fn assert_changed_since(before: &[NaiveEvent], after: &[NaiveEvent]) {
    let mut rig = CoreRig::new(Settings::default());
    let mut accepted = Accepted::new();
    let mut touched = BTreeSet::new();
    for (log_time_ms, events) in [(1_000_000, before), (2_000_000, after)] {
        touched.clear();
        let mut batch = Vec::new();
        for event in events {
            let event = NaiveEvent {
                user_id: "ada".to_owned(),
                ..event.clone()
            };
            touched.extend(touched_by(&mut accepted, &event));
            batch.push(Delivery::Event(core_event(&event)));
        }
        rig.apply(log_time_ms, &batch);
    }
    for shape in SHAPES {
        let query = WindowQuery {
            changed_since_ms: Some(1_000_000),
            ..WindowQuery::all(shape)
        };
        let got = rig.learners["ada"].windows(&query, &rig.at());
        let got: BTreeSet<i64> = got.iter().map(|window| window.start_ms).collect();
        let expected: BTreeSet<i64> = touched
            .iter()
            .flat_map(|&time_ms| starts_over(shape, time_ms))
            .collect();
        assert_eq!(got, expected, "{shape:?}");
    }
}
