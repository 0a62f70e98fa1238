//! The retention: events too old to be accepted, and state that is deleted.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_core::learner::{Learner, Profile, Session, Window, WindowQuery};
use homeroom_core::shard::{EntryContext, Outcome, ReadPoint};
use homeroom_core::{Reason, Settings, WindowShape};
use homeroom_tests::oracle::{self, NaiveEvent, NaiveModel};

use crate::plan::Plan;
use crate::seeds::each_seed;
use crate::watermark::click;
use homeroom_tests::rig::{COURSES, CoreRig, SHAPES, Unruly, assert_windows, core_event};

const HOUR_MS: i64 = 3_600_000;

fn an_hour() -> Settings {
    Settings {
        retention_ms: HOUR_MS,
        ..Settings::default()
    }
}

#[test]
fn an_event_at_the_floor_is_taken_and_one_before_it_is_not() {
    let newest_ms = 1_741_168_800_000;
    let mut rig = CoreRig::new(an_hour());
    rig.apply_one(newest_ms, click("lms", "0", newest_ms));
    // The watermark is 10 s behind, so the retention ends within a minute. That whole minute is
    // kept.
    let floor_ms = newest_ms - HOUR_MS - 60_000;
    assert_eq!(rig.at().floor_ms, floor_ms);
    assert_eq!(
        oracle::Settings::floor_at(newest_ms - 10_000, HOUR_MS),
        floor_ms
    );
    let refused = Outcome::DeadLettered(Reason::BeyondRetention);
    let again = Outcome::Duplicate {
        conflicting: false,
        reason: Some(Reason::BeyondRetention),
    };
    for (id, time_ms, expected) in [
        ("1", floor_ms, Outcome::Accepted),
        ("2", floor_ms - 1, refused),
        ("2", floor_ms - 1, again),
    ] {
        let applied = rig.apply_one(newest_ms, click("lms", id, time_ms));
        assert_eq!(applied.outcomes, [expected], "{id}");
    }
    let sliding = rig.learners["ada"].windows(&WindowQuery::all(WindowShape::SLIDING), &rig.at());
    assert_eq!(
        sliding[0].start_ms, floor_ms,
        "those that begin before are gone"
    );
}

#[test]
fn windows_that_begin_before_the_floor_are_not_emitted() {
    let newest_ms = 1_741_168_800_000;
    let mut rig = CoreRig::new(an_hour());
    rig.apply_one(newest_ms, click("lms", "0", newest_ms));
    let floor_ms = rig.at().floor_ms;
    let applied = rig.apply_one(newest_ms, click("lms", "1", floor_ms));
    let starts: Vec<i64> = applied
        .emissions
        .iter()
        .map(|(_, emission)| emission.start_ms)
        .collect();
    assert_eq!(
        starts,
        [floor_ms, floor_ms],
        "the minute and one half minute"
    );
}

/// The outcome that a delivery must have, after the events accepted before.
fn expected(
    accepted: &BTreeMap<(String, String), NaiveEvent>,
    event: &NaiveEvent,
    floor_ms: i64,
) -> Option<Outcome> {
    let hour = |time_ms: i64| time_ms.div_euclid(HOUR_MS);
    let key = (event.user_id.clone(), event.event_id.clone());
    match accepted.get(&key) {
        Some(known) if known.timestamp_ms >= floor_ms => Some(Outcome::Duplicate {
            conflicting: !known.same_content(event),
            reason: None,
        }),
        // Identities are deleted with their hour, so just below the floor both outcomes are right.
        Some(known) if hour(known.timestamp_ms) >= hour(floor_ms) => None,
        _ if event.timestamp_ms < floor_ms => Some(Outcome::DeadLettered(Reason::BeyondRetention)),
        _ => Some(Outcome::Accepted),
    }
}

#[test]
fn time_goes_on_and_what_lies_behind_the_floor_goes_in_whole_windows() {
    each_seed(
        "expiry::time_goes_on_and_what_lies_behind_the_floor_goes_in_whole_windows",
        40,
        |rng| {
            let mut rig = CoreRig::new(an_hour());
            let mut accepted = BTreeMap::new();
            let mut now_ms = 1_741_168_800_000;
            for number in 0..120 {
                now_ms += rng.i64(0..400_000);
                let event = simple(rng, number, now_ms);
                let applied = rig.apply_one(now_ms, core_event(&event));
                let got = applied.outcomes[0];
                let want = expected(&accepted, &event, applied.context.floor_ms);
                let is_again = matches!(
                    got,
                    Outcome::Duplicate {
                        reason: Some(Reason::BeyondRetention),
                        ..
                    }
                );
                assert!(
                    is_again || want.is_none_or(|want| want == got),
                    "{got:?} {want:?}"
                );
                if got == Outcome::Accepted {
                    accepted.insert((event.user_id.clone(), event.event_id.clone()), event);
                }
                match rng.usize(..10) {
                    0 => rig.restart(),
                    1..4 => rig.checkpoint(),
                    _ => {}
                }
            }
            let events = accepted.into_values();
            let model = NaiveModel::from_events(events, oracle::Settings::default());
            for naive in model.learners() {
                assert_windows(&rig.whole(naive.user_id), &naive, &rig.at());
            }
        },
    );
}

/// An event that affects no other: no attempt, no video. One in five is far behind, one in ten is
/// repeated.
fn simple(rng: &mut Rng, number: u32, now_ms: i64) -> NaiveEvent {
    let mut unruly = Unruly::new(rng, 60_000);
    let behind_ms = if rng.u32(..5) == 0 {
        rng.i64(0..2 * HOUR_MS)
    } else {
        rng.i64(0..20_000)
    };
    let number = if rng.u32(..10) == 0 {
        rng.u32(..=number)
    } else {
        number
    };
    NaiveEvent {
        event_id: number.to_string(),
        timestamp_ms: now_ms - behind_ms,
        event_type: ["click", "page_view", "session_start"][rng.usize(..3)].to_owned(),
        attempt_id: None,
        watched_ms: None,
        length_ms: None,
        score: None,
        max_score: None,
        success: None,
        ..unruly.event(rng)
    }
}

/// All that can be read of a learner above a floor.
fn readable(learner: &Learner, at: &ReadPoint) -> (Profile, Vec<Session>, Vec<Window>) {
    let courses = COURSES.iter().map(|course| Some(course.to_string()));
    let mut windows = Vec::new();
    for course_id in courses.chain([None]) {
        for shape in SHAPES {
            let query = WindowQuery {
                course_id: course_id.clone(),
                ..WindowQuery::all(shape)
            };
            windows.extend(learner.windows(&query, at));
        }
    }
    let sessions = learner.sessions(at.watermark_ms);
    let live = sessions.filter(|session| session.last_ms >= at.floor_ms);
    (learner.profile(at), live.collect(), windows)
}

#[test]
fn forgetting_changes_nothing_that_can_be_read() {
    each_seed(
        "expiry::forgetting_changes_nothing_that_can_be_read",
        120,
        |rng| {
            let span_ms = [60_000, 2 * HOUR_MS][rng.usize(..2)];
            let mut unruly = Unruly::new(rng, span_ms);
            let count = rng.usize(1..90);
            let events = unruly.events(rng, count);
            let plan = Plan::any(rng, unruly.end_ms());
            let rig = plan.run(rng, Settings::default(), &events);
            let middle_ms = unruly.end_ms() - rng.i64(0..2 * span_ms);
            let at = ReadPoint {
                floor_ms: middle_ms.div_euclid(60_000) * 60_000,
                ..rig.at()
            };
            let context = EntryContext {
                block_events: usize::MAX,
                index: 1_000_000,
                log_time_ms: rig.shard.log_time_ms(),
                watermark_ms: at.watermark_ms,
                floor_ms: at.floor_ms,
                settings: rig.shard.settings().clone(),
            };
            for learner in rig.learners.values() {
                let mut pruned = learner.clone();
                pruned.prune(&context);
                assert_eq!(readable(&pruned, &at), readable(learner, &at));
            }
        },
    );
}

#[test]
fn a_stop_after_the_floor_keeps_its_play_before_it() {
    use homeroom_core::{Event, EventType};
    // Between them is an event that only has the video's length: it must not count as the start.
    let floor_ms = 1_741_168_800_000;
    let of = |id: &str, event_type: EventType, time_ms: i64, length_ms: Option<u64>| Event {
        event_type,
        object_id: Some("v".into()),
        length_ms,
        ..click("lms", id, time_ms)
    };
    let mut rig = CoreRig::new(an_hour());
    let events = [
        of("1", EventType::VideoPlayed, floor_ms - 9_000, None),
        of("2", EventType::PageView, floor_ms - 5_000, Some(600_000)),
        of("3", EventType::VideoPaused, floor_ms + 1_000, None),
    ];
    for event in events {
        rig.apply_one(floor_ms, event);
    }
    let later_ms = floor_ms + HOUR_MS + 10_000;
    rig.apply_one(later_ms, click("lms", "4", later_ms));
    rig.apply_one(later_ms, click("lms", "5", later_ms));
    assert_eq!(rig.at().floor_ms, floor_ms);
    let minutes = rig.learners["ada"].windows(&WindowQuery::all(WindowShape::MINUTE), &rig.at());
    assert_eq!(
        (minutes[0].start_ms, minutes[0].content.video_ms),
        (floor_ms, 10_000)
    );
}

#[test]
fn reasons_for_help_look_no_further_back_than_the_floor() {
    use homeroom_core::{Event, EventType};
    let of = |id: &str, event_type: EventType, time_ms: i64, score_millionths: Option<u32>| Event {
        event_type,
        course_id: Some("algebra".into()),
        score_millionths,
        ..click("lms", id, time_ms)
    };
    let start_ms = 1_741_168_800_000;
    let mut rig = CoreRig::new(an_hour());
    for id in ["1", "2", "3"] {
        let wrong = of(id, EventType::QuestionAnswered, start_ms, Some(0));
        rig.apply_one(start_ms, wrong);
    }
    let reasons = |rig: &CoreRig| rig.learners["ada"].standings(&rig.at())[0].reasons.len();
    assert_eq!(reasons(&rig), 1, "three wrong in a row");
    let later_ms = start_ms + 2 * HOUR_MS;
    rig.apply_one(later_ms, of("4", EventType::Click, later_ms, None));
    let profile = rig.learners["ada"].profile(&rig.at());
    assert_eq!(profile.last_assessments.len(), 3, "they are still shown");
    assert_eq!(reasons(&rig), 0);
}
