//! Standings of learners in courses: one computed at a time stays valid at every later time.

use homeroom_core::shard::ReadPoint;
use homeroom_core::{Event, EventType, Settings};
use homeroom_tests::rig::CoreRig;

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
