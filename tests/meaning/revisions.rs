//! Window states and revisions: hand-computed examples.

use std::borrow::Cow;

use homeroom_core::learner::{WindowQuery, WindowState};
use homeroom_core::{Event, EventType, Settings, WindowShape};

use crate::watermark::click;
use homeroom_tests::rig::{Applied, CoreRig, Delivery, Emitted};

/// The end of the minute in the examples, in both log time and event time.
const END_MS: i64 = 1_741_168_860_000;
const START_MS: i64 = END_MS - 60_000;

const NONE: [u32; 0] = [];

fn with_windows() -> CoreRig {
    CoreRig::new(Settings::default())
}

/// A click that advances the watermark to a time.
fn carry(rig: &mut CoreRig, watermark_ms: i64) -> Applied {
    let id = format!("carry-{watermark_ms}");
    let carrier = Event {
        user_id: Cow::Borrowed("carrier"),
        ..click("lms", &id, watermark_ms + 10_000)
    };
    let applied = rig.apply_one(watermark_ms + 10_000, carrier);
    assert_eq!(rig.watermark_ms(), Some(watermark_ms));
    applied
}

fn minute(rig: &CoreRig) -> (WindowState, u32) {
    state_of(rig, START_MS)
}

fn state_of(rig: &CoreRig, start_ms: i64) -> (WindowState, u32) {
    let query = WindowQuery {
        from_ms: Some(start_ms),
        to_ms: Some(start_ms + 1),
        ..WindowQuery::all(WindowShape::MINUTE)
    };
    let windows = rig.learners["ada"].windows(&query, &rig.at());
    (windows[0].state, windows[0].revision)
}

/// Emissions of the minute, by revision.
fn emitted(applied: &Applied) -> Vec<u32> {
    let of_minute = |emission: &&Emitted| {
        emission.shape == WindowShape::MINUTE && emission.start_ms == START_MS
    };
    let all = applied.emissions.iter();
    let of_ada = all.filter(|(user_id, _)| user_id == "ada");
    of_ada
        .map(|(_, emission)| emission)
        .filter(of_minute)
        .map(|emission| emission.revision)
        .collect()
}

#[test]
fn a_minute_goes_from_open_to_amended() {
    let mut rig = with_windows();
    let applied = rig.apply_one(START_MS, click("lms", "1", START_MS));
    assert_eq!(minute(&rig), (WindowState::Open, 0));
    assert_eq!(emitted(&applied), NONE);
    let applied = carry(&mut rig, END_MS - 1);
    assert_eq!(minute(&rig), (WindowState::Open, 0));
    assert_eq!(emitted(&applied), NONE);
    let applied = carry(&mut rig, END_MS);
    assert_eq!(minute(&rig), (WindowState::Closed, 1));
    assert_eq!(emitted(&applied), [1]);

    let log_time_ms = rig.shard.log_time_ms();
    let applied = rig.apply_one(log_time_ms, click("lms", "2", START_MS));
    assert_eq!(minute(&rig), (WindowState::Closed, 2));
    assert_eq!(emitted(&applied), [2]);
    let applied = rig.apply_one(log_time_ms, click("lms", "2", START_MS));
    assert_eq!(minute(&rig), (WindowState::Closed, 2), "a duplicate");
    assert_eq!(emitted(&applied), NONE);

    carry(&mut rig, END_MS + 29_999);
    assert_eq!(minute(&rig), (WindowState::Closed, 2));
    let applied = carry(&mut rig, END_MS + 30_000);
    assert_eq!(minute(&rig), (WindowState::Settled, 2));
    assert_eq!(emitted(&applied), NONE, "settling is no news");

    let log_time_ms = rig.shard.log_time_ms();
    let applied = rig.apply_one(log_time_ms, click("lms", "3", END_MS - 1));
    assert_eq!(minute(&rig), (WindowState::Amended, 3));
    assert_eq!(emitted(&applied), [3]);
    assert_eq!(rig.shard.counters()["lms"].amended, 1);
}

#[test]
fn two_late_events_in_one_entry_raise_it_once() {
    let mut rig = with_windows();
    rig.apply_one(START_MS, click("lms", "1", START_MS));
    carry(&mut rig, END_MS);
    let late = [0, 1_000, 30_000].map(|into_ms| {
        let id = format!("late-{into_ms}");
        Delivery::Event(click("lms", &id, START_MS + into_ms))
    });
    let applied = rig.apply(rig.shard.log_time_ms(), &late);
    assert_eq!(minute(&rig), (WindowState::Closed, 2));
    assert_eq!(emitted(&applied), [2]);
}

#[test]
fn a_minute_first_seen_late_begins_at_revision_1() {
    let mut rig = with_windows();
    carry(&mut rig, END_MS);
    let applied = rig.apply_one(rig.shard.log_time_ms(), click("lms", "1", START_MS));
    assert_eq!(minute(&rig), (WindowState::Closed, 1));
    assert_eq!(emitted(&applied), [1]);

    let mut rig = with_windows();
    carry(&mut rig, END_MS + 30_000);
    let applied = rig.apply_one(rig.shard.log_time_ms(), click("lms", "1", START_MS));
    assert_eq!(minute(&rig), (WindowState::Amended, 1));
    assert_eq!(emitted(&applied), [1]);
}

fn video(id: &str, event_type: EventType, timestamp_ms: i64) -> Event<'static> {
    Event {
        event_type,
        object_id: Some(Cow::Borrowed("v")),
        ..click("video", id, timestamp_ms)
    }
}

#[test]
fn a_late_play_raises_the_window_of_the_stop_it_shortens() {
    let mut rig = with_windows();
    let (play, stop) = (START_MS - 100_000, START_MS + 1_000);
    rig.apply_one(START_MS, video("1", EventType::VideoPlayed, play));
    rig.apply_one(START_MS, video("2", EventType::VideoPaused, stop));
    carry(&mut rig, END_MS);
    let again = video("3", EventType::VideoPlayed, START_MS - 5_000);
    let applied = rig.apply_one(rig.shard.log_time_ms(), again);
    assert_eq!(emitted(&applied), [2]);
    assert_eq!(minute(&rig), (WindowState::Closed, 2));
    assert_eq!(
        state_of(&rig, START_MS - 120_000),
        (WindowState::Settled, 1),
        "the first play's minute is as it was"
    );
    let minutes = rig.learners["ada"].windows(&WindowQuery::all(WindowShape::MINUTE), &rig.at());
    let video_ms: Vec<u64> = minutes.iter().map(|it| it.content.video_ms).collect();
    assert_eq!(video_ms, [0, 0, 6_000]);
}

#[test]
fn of_two_stops_at_one_moment_each_shows_its_change() {
    // The credit of `b` stays what it is; that of `a`, at the same ms, shrinks.
    let mut rig = with_windows();
    let measured = Event {
        watched_ms: Some(700),
        ..video("b", EventType::VideoPaused, START_MS + 1_000)
    };
    rig.apply_one(
        START_MS,
        video("0", EventType::VideoPlayed, START_MS - 90_000),
    );
    rig.apply_one(
        START_MS,
        video("a", EventType::VideoPaused, START_MS + 1_000),
    );
    rig.apply_one(START_MS, measured);
    carry(&mut rig, END_MS);
    let again = video("9", EventType::VideoPlayed, START_MS - 5_000);
    let applied = rig.apply_one(rig.shard.log_time_ms(), again);
    assert_eq!(emitted(&applied), [2]);
}

fn quiz(id: &str, event_type: EventType, timestamp_ms: i64) -> Event<'static> {
    Event {
        event_type,
        attempt_id: Some(Cow::Borrowed("x")),
        score_millionths: Some(400_000),
        ..click("tool", id, timestamp_ms)
    }
}

#[test]
fn a_replaced_attempt_raises_the_window_that_it_leaves_if_it_was_a_quiz() {
    for (first, expected) in [
        (EventType::QuizSubmitted, vec![2]),
        (EventType::QuestionAnswered, vec![]),
    ] {
        let mut rig = with_windows();
        rig.apply_one(START_MS, quiz("1", first, START_MS));
        carry(&mut rig, END_MS);
        let update = quiz("2", EventType::ScoreUpdated, END_MS + 5_000);
        let applied = rig.apply_one(rig.shard.log_time_ms(), update);
        assert_eq!(emitted(&applied), expected);
    }
}

#[test]
fn a_late_submission_makes_the_newest_a_quiz_where_it_stands() {
    let mut rig = with_windows();
    rig.apply_one(START_MS, quiz("2", EventType::ScoreUpdated, START_MS));
    carry(&mut rig, END_MS);
    let submission = quiz("1", EventType::QuizSubmitted, START_MS - 70_000);
    let applied = rig.apply_one(rig.shard.log_time_ms(), submission);
    assert_eq!(emitted(&applied), [2]);
    let minutes = rig.learners["ada"].windows(&WindowQuery::all(WindowShape::MINUTE), &rig.at());
    let quizzes: Vec<u64> = minutes.iter().map(|it| it.content.quiz_count).collect();
    assert_eq!(quizzes, [0, 1]);
}
