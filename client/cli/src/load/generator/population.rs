//! The learners, and their courses.

use fastrand::Rng;
use homeroom_proto::v1;

use super::text::{mixed, numbered, push_digits};

const LEARNER_DIGITS: usize = 6;
const COURSE_DIGITS: usize = 3;
/// The length of a session, ms. Each learner's sessions begin at an offset of their own.
const SITTING_MS: i64 = 20 * 60_000;
const SITTING_DIGITS: usize = 12;

/// The learners, and their courses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    /// Active learners; at least 1.
    pub(crate) learners: u32,
    /// Courses; at least 1.
    pub(crate) courses: u32,
}

impl Population {
    /// A random learner, all equally likely.
    pub(super) fn any(&self, rng: &mut Rng) -> u32 {
        rng.u32(..self.learners.max(1))
    }

    /// Sets the learner, session and course of an event that happens at `event_ms` since the epoch.
    pub(super) fn put(&self, event: &mut v1::Event, learner: u32, event_ms: i64) {
        event.user_id = learner_id(learner);
        event.session_id = sitting(learner, event_ms);
        event.course_id = numbered("course-", learner % self.courses.max(1), COURSE_DIGITS);
    }
}

/// `learner-000123`.
pub(crate) fn learner_id(learner: u32) -> String {
    numbered("learner-", learner, LEARNER_DIGITS)
}

/// The session of a learner at this time. All sources share it.
fn sitting(learner: u32, event_ms: i64) -> String {
    let own = mixed(learner.into());
    let shift_ms = (own % SITTING_MS.unsigned_abs()).cast_signed();
    let number = event_ms.saturating_add(shift_ms).div_euclid(SITTING_MS);
    let mut id = String::with_capacity(SITTING_DIGITS + 2);
    id.push_str("s-");
    push_digits::<16>(&mut id, mixed(own ^ number.cast_unsigned()), SITTING_DIGITS);
    id
}
