//! Standings of learners in courses: one computed at a time stays valid at every later time.

use homeroom_core::learner::{Learner, Standing, Status};
use homeroom_core::shard::ReadPoint;
use homeroom_core::{Event, EventType, Settings};
use homeroom_tests::oracle::{Moment, NaiveLearner, NaiveStanding};

use crate::rig::CoreRig;

/// Time between computing and reading a standing, ms: around each bound that time alone passes.
const LATER_MS: [i64; 8] = [
    0, 31_000, 121_000, 300_000, 601_000, 1_201_000, 1_801_000, 3_600_000,
];

/// Every course of a learner, now and later, through the stored form.
pub fn assert_standings(learner: &Learner, naive: &NaiveLearner<'_>, at: &ReadPoint) {
    for course in naive.courses() {
        let standing = learner.standing(&course.course_id, at.floor_ms);
        let standing = standing.expect("the model knows of the course");
        let stored = Standing::decode(&standing.encode()).expect("its own encoding");
        assert_eq!(stored, standing);
        assert_eq!(
            (
                standing.last_event_ms,
                standing.enrolled,
                standing.on_roster()
            ),
            (course.last_ms, course.enrolled, course.on_roster())
        );
        for later_ms in LATER_MS {
            let at = ReadPoint {
                event_clock_ms: at.event_clock_ms + later_ms,
                watermark_ms: at.watermark_ms.max(at.event_clock_ms + later_ms - 10_000),
                floor_ms: at.floor_ms.saturating_add(later_ms),
                ..*at
            };
            let moment = Moment {
                clock_ms: at.event_clock_ms,
                watermark_ms: at.watermark_ms,
                floor_ms: at.floor_ms,
            };
            let expected = naive.standing(&course.course_id, moment);
            assert_eq!(
                read(&stored, &at),
                expected,
                "{} in {} after {later_ms} ms",
                naive.user_id,
                course.course_id
            );
        }
    }
}

fn read(standing: &Standing, at: &ReadPoint) -> NaiveStanding {
    let reasons = standing.reasons(at).into_iter().map(|reason| {
        let skill_id = reason.skill_id.map(String::from);
        (reason.code.name(), skill_id, reason.count, reason.since_ms)
    });
    let accuracy = standing.accuracy(at);
    NaiveStanding {
        status: match standing.status(at) {
            Status::Active => "active",
            Status::Watching => "watching",
            Status::Idle => "idle",
            Status::Away => "away",
        },
        reasons: reasons.collect(),
        accuracy: (accuracy.last5, accuracy.last20),
        engagement: standing.engagement(at),
    }
}

#[test]
fn every_reason_shows_when_its_pattern_is_there() {
    let start_ms = 1_741_168_800_000;
    let mut rig = CoreRig::new(Settings::default());
    let mut number = 0;
    let mut event = |event_type, at_ms, score_millionths| {
        number += 1;
        let event = Event {
            event_type,
            course_id: Some("algebra".into()),
            object_id: Some("object".into()),
            skill_id: Some("fractions".into()),
            score_millionths,
            ..crate::watermark::click("lms", &number.to_string(), at_ms)
        };
        rig.apply_one(at_ms, event);
        let standing = rig.learners["ada"].standing("algebra", i64::MIN);
        let codes = standing.expect("seen").reasons(&ReadPoint {
            event_clock_ms: at_ms,
            ..rig.at()
        });
        codes
            .iter()
            .map(|reason| reason.code.name())
            .collect::<Vec<_>>()
    };
    let minute = |minutes: i64| start_ms + minutes * 60_000;
    for number in 0..10 {
        assert!(
            event(
                EventType::QuestionAnswered,
                start_ms + number,
                Some(1_000_000)
            )
            .is_empty()
        );
    }
    assert!(event(EventType::QuestionAnswered, minute(1), Some(0)).is_empty());
    assert_eq!(
        event(EventType::QuestionAnswered, minute(2), Some(0)),
        ["dropping_accuracy"]
    );
    assert_eq!(
        event(EventType::QuestionAnswered, minute(3), Some(0)),
        ["wrong_in_a_row", "stuck_on_item", "dropping_accuracy"]
    );
    for play in 0..3 {
        let codes = event(EventType::VideoPlayed, minute(4) + play, None);
        assert!(!codes.contains(&"rewatching"));
    }
    assert!(event(EventType::VideoPlayed, minute(5), None).contains(&"rewatching"));
    event(EventType::VideoEnded, minute(6), None);
    let silent = ReadPoint {
        event_clock_ms: minute(11),
        ..rig.at()
    };
    let standing = rig.learners["ada"].standing("algebra", i64::MIN);
    let reasons = standing.expect("seen").reasons(&silent);
    assert!(
        reasons
            .iter()
            .any(|reason| reason.code.name() == "idle_in_session")
    );
}
