//! Standings of learners in courses, compared with the naive model now and later.

use homeroom_core::learner::{Learner, Standing, Status};
use homeroom_core::shard::ReadPoint;

use crate::oracle::{Moment, NaiveLearner, NaiveStanding};

/// Time between computing and reading a standing, ms: around each bound that time alone passes.
const LATER_MS: [i64; 8] = [
    0, 31_000, 121_000, 300_000, 601_000, 1_201_000, 1_801_000, 3_600_000,
];

/// Every course of a learner, now and later, through the stored form.
pub(super) fn assert_standings(learner: &Learner, naive: &NaiveLearner<'_>, at: &ReadPoint) {
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
