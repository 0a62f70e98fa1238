//! The first property: content depends only on the set of accepted events, not on their arrival.

use homeroom_core::learner::{Learner, Profile, WindowQuery};
use homeroom_core::{Settings, WindowShape};
use homeroom_tests::oracle::{self, NaiveEvent, NaiveModel};

use crate::plan::Plan;
use crate::seeds::each_seed;
use homeroom_tests::rig::{CoreRig, Unruly, assert_reads_equal, timeless};

const DAY_MS: i64 = 86_400_000;

fn model_of(events: &[NaiveEvent]) -> NaiveModel {
    let mut sorted = events.to_vec();
    sorted.sort_by(|a, b| a.order().cmp(&b.order()));
    NaiveModel::from_events(sorted, oracle::Settings::default())
}

/// All that must not depend on arrival, read from a rig after all due ticks.
fn pictures(rig: &CoreRig) -> Vec<Profile> {
    let at = rig.at();
    let known = rig.learners.values().filter(|learner| learner.is_known());
    known
        .map(|learner: &Learner| timeless(learner.profile(&at)))
        .collect()
}

fn any_arrival_reads_the_same(rng: &mut fastrand::Rng, span_ms: i64, settings: &Settings) {
    let mut unruly = Unruly::new(rng, span_ms);
    let count = rng.usize(1..70);
    let events = unruly.events(rng, count);
    let model = model_of(&events);
    let mut first = None;
    for _ in 0..3 {
        let plan = Plan::any(rng, unruly.end_ms());
        let mut rig = plan.run(rng, settings.clone(), &events);
        assert_reads_equal(&rig, &model);
        rig.run_to_rest();
        assert_reads_equal(&rig, &model);
        let got = (rig.watermark_ms(), pictures(&rig));
        assert_eq!(first.get_or_insert_with(|| got.clone()), &got);
    }
}

#[test]
fn crowded_events_read_the_same_however_they_arrive() {
    let settings = Settings::default();
    each_seed(
        "content::crowded_events_read_the_same_however_they_arrive",
        60,
        |rng| any_arrival_reads_the_same(rng, 60_000, &settings),
    );
}

#[test]
fn events_of_hours_read_the_same_however_they_arrive() {
    let settings = Settings::default();
    each_seed(
        "content::events_of_hours_read_the_same_however_they_arrive",
        40,
        |rng| any_arrival_reads_the_same(rng, 3 * 3_600_000, &settings),
    );
}

#[test]
fn a_history_of_days_reads_the_same_within_a_retention_that_covers_it() {
    let settings = Settings {
        retention_ms: 10 * DAY_MS,
        ..Settings::default()
    };
    each_seed(
        "content::a_history_of_days_reads_the_same_within_a_retention_that_covers_it",
        30,
        |rng| any_arrival_reads_the_same(rng, 9 * DAY_MS / 2, &settings),
    );
}

#[test]
fn the_same_log_gives_the_same_state_bit_for_bit() {
    each_seed(
        "content::the_same_log_gives_the_same_state_bit_for_bit",
        40,
        |rng| {
            let mut unruly = Unruly::new(rng, 120_000).with_ids(30);
            let events = unruly.events(rng, 50);
            let plan = Plan::any(rng, unruly.end_ms());
            let mut lived = plan.run(rng, Settings::default(), &events);
            let mut replayed = CoreRig::replayed(Settings::default(), &lived.log);
            assert_eq!(lived.shard.encode(), replayed.shard.encode());
            // One of them may have been restored from bytes. Both must be equal from there on.
            lived.restart();
            replayed.restart();
            assert_eq!(lived.shard, replayed.shard);
            assert_eq!(lived.learners, replayed.learners);
        },
    );
}

#[test]
fn windows_changed_since_are_those_that_a_later_entry_touched() {
    each_seed(
        "content::windows_changed_since_are_those_that_a_later_entry_touched",
        40,
        |rng| {
            let mut unruly = Unruly::new(rng, 60_000);
            let (before, after) = (unruly.events(rng, 25), unruly.events(rng, 4));
            crate::touches::assert_changed_since(&before, &after);
        },
    );
}

#[test]
fn an_unknown_learner_can_be_read() {
    let rig = CoreRig::new(Settings::default());
    let stranger = Learner::new("stranger");
    let profile = stranger.profile(&rig.at());
    assert!(!stranger.is_known());
    assert_eq!((profile.events, profile.sliding_window), (0, None));
    assert_eq!(profile.accuracy.last20, None);
}

#[test]
fn absurd_watched_times_fill_a_window_and_no_more() {
    let mut rig = CoreRig::new(Settings::default());
    for id in ["1", "2"] {
        let mut event = crate::watermark::click("lms", id, 0);
        event.watched_ms = Some(u64::MAX);
        rig.apply_one(0, event);
    }
    let query = WindowQuery::all(WindowShape::MINUTE);
    let windows = rig.learners["ada"].windows(&query, &rig.at());
    assert_eq!(windows[0].content.video_ms, u64::MAX);
    assert!(windows[0].content.engagement(60_000) <= 1.0);
}
