//! A learner's script: an endless sequence of sessions made of scenes.

use std::collections::VecDeque;

use fastrand::Rng;
use serde_json::json;

use super::catalogue::Course;
use super::scene::{Step, browse, quiz, watch};

/// One learner's day.
pub(crate) struct Script {
    pub(crate) user_id: String,
    course: usize,
    is_enrolled: bool,
    has_begun: bool,
    steps: VecDeque<Step>,
}

impl Script {
    pub(crate) fn new(number: u32, courses: usize, rng: &mut Rng) -> Script {
        let user_id = if number % 97 == 1 {
            format!("élève-{number}")
        } else {
            format!("learner-{number:06}")
        };
        Script {
            user_id,
            course: rng.usize(..courses),
            is_enrolled: false,
            has_begun: false,
            steps: VecDeque::new(),
        }
    }

    /// The next step; after the last scene of a session, a new session begins.
    pub(crate) fn next_step(&mut self, courses: &[Course], rng: &mut Rng) -> Step {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return step;
            }
            self.write_session(&courses[self.course], rng);
        }
    }

    fn write_session(&mut self, course: &Course, rng: &mut Rng) {
        if !self.is_enrolled {
            self.is_enrolled = true;
            self.enrol("enrolled", course);
        }
        // Most of a learner's day is between sessions; the first session begins at once.
        let break_paces = if self.has_begun {
            20.0 + rng.f64() * 80.0
        } else {
            0.5
        };
        self.has_begun = true;
        let mut steps = vec![Step::new(
            break_paces,
            json!({"eventType": "session_start"}),
        )];
        for _ in 0..rng.u32(3..9) {
            steps.extend(match rng.u32(..10) {
                0..4 => browse(course, rng),
                4..8 => watch(course, rng),
                _ => quiz(course, rng),
            });
        }
        if rng.f64() < 0.8 {
            steps.push(Step::new(0.5, json!({"eventType": "session_end"})));
        }
        let session = format!("session-{:016x}", rng.u64(..));
        for mut step in steps {
            step.payload
                .insert("sessionId".into(), session.clone().into());
            if rng.f64() < 0.97 {
                step.payload
                    .insert("courseId".into(), course.id.clone().into());
            }
            self.steps.push_back(step);
        }
        if rng.f64() < 0.01 {
            self.is_enrolled = false;
            self.enrol("unenrolled", course);
        }
    }

    fn enrol(&mut self, event_type: &str, course: &Course) {
        self.steps.push_back(Step::new(
            0.2,
            json!({"eventType": event_type, "courseId": course.id}),
        ));
    }
}
