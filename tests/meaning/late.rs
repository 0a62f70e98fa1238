//! The policy under which settled windows do not change.

use homeroom_core::learner::WindowQuery;
use homeroom_core::shard::Outcome;
use homeroom_core::{LatePolicy, Reason, Settings, WindowShape};

use crate::watermark::click;
use homeroom_tests::rig::CoreRig;

const END_MS: i64 = 1_741_168_860_000;

fn strict() -> Settings {
    Settings {
        late_policy: LatePolicy::DeadLetter,
        ..Settings::default()
    }
}

/// A rig with the watermark at a time.
fn rig_at(watermark_ms: i64) -> CoreRig {
    let mut rig = CoreRig::new(strict());
    let newest_ms = watermark_ms + 10_000;
    rig.apply_one(newest_ms, click("lms", "first", newest_ms));
    assert_eq!(rig.watermark_ms(), Some(watermark_ms));
    rig
}

#[test]
fn an_event_is_late_from_30_s_past_the_end_of_its_minute() {
    for (watermark_ms, expected) in [
        (END_MS + 29_999, Outcome::Accepted),
        (END_MS + 30_000, Outcome::DeadLettered(Reason::Late)),
    ] {
        let mut rig = rig_at(watermark_ms);
        let log_time_ms = rig.shard.log_time_ms();
        let applied = rig.apply_one(log_time_ms, click("lms", "1", END_MS - 1));
        assert_eq!(applied.outcomes, [expected]);
        let next = rig.apply_one(log_time_ms, click("lms", "2", END_MS));
        assert_eq!(next.outcomes, [Outcome::Accepted], "the next minute's");
    }
}

#[test]
fn a_late_event_leaves_no_trace_but_its_letter() {
    let mut rig = rig_at(END_MS + 30_000);
    let log_time_ms = rig.shard.log_time_ms();
    // A duplicate first, so that the next entry has nothing left to expire.
    rig.apply_one(log_time_ms, click("lms", "first", END_MS + 40_000));
    let before = rig.learners.clone();
    let again = Outcome::Duplicate {
        conflicting: false,
        reason: Some(Reason::Late),
    };
    let late = || click("lms", "late", END_MS - 1);
    let first = rig.apply_one(log_time_ms, late());
    assert_eq!(first.outcomes, [Outcome::DeadLettered(Reason::Late)]);
    assert_eq!(rig.apply_one(log_time_ms, late()).outcomes, [again]);
    assert_eq!(rig.learners, before);
    let (_, letter) = rig.shard.dead_letters().iter().next().expect("it is kept");
    assert_eq!(letter.user_id.as_deref(), Some("ada"));
    let minutes = rig.learners["ada"].windows(&WindowQuery::all(WindowShape::MINUTE), &rig.at());
    assert_eq!(minutes.len(), 1);
}

#[test]
fn two_learners_late_events_are_two_letters_even_when_they_are_alike() {
    let mut rig = rig_at(END_MS + 30_000);
    let log_time_ms = rig.shard.log_time_ms();
    for user_id in ["ada", "bo"] {
        let mut event = click("lms", "1", END_MS - 1);
        event.user_id = user_id.into();
        let applied = rig.apply_one(log_time_ms, event);
        assert_eq!(
            applied.outcomes,
            [Outcome::DeadLettered(Reason::Late)],
            "{user_id}"
        );
    }
    assert_eq!(rig.shard.dead_letters().iter().count(), 2);
}

#[test]
fn a_duplicate_is_no_late_event() {
    let mut rig = CoreRig::new(strict());
    rig.apply_one(END_MS, click("lms", "1", END_MS - 1));
    rig.apply_one(END_MS + 50_000, click("lms", "2", END_MS + 50_000));
    let again = rig.apply_one(END_MS + 50_000, click("lms", "1", END_MS - 1));
    let duplicate = Outcome::Duplicate {
        conflicting: false,
        reason: None,
    };
    assert_eq!(again.outcomes, [duplicate]);
}
