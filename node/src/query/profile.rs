//! Converts profiles into messages of the contract.

use homeroom_core::learner::{
    Accuracy, Assessment, CourseStanding, HelpReason, Interaction, Profile, Session,
    Status as Doing,
};
use homeroom_proto::v1;
use prost_types::FieldMask;
use tonic::Status;

use super::window;
use crate::status;

/// The fields of a profile that a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Mask(Option<Vec<String>>);

/// The names that a mask may hold: the top-level fields of a profile.
const FIELDS: [&str; 12] = [
    "user_id",
    "last_event_ms",
    "events",
    "session",
    "courses",
    "sliding_window",
    "last_window",
    "last_interactions",
    "last_assessments",
    "accuracy",
    "skills",
    "other_courses",
];

impl Mask {
    /// Parses the mask of a request; an empty one stands for all fields.
    ///
    /// # Errors
    /// When it names a field that a profile does not have.
    pub fn of(mask: Option<FieldMask>) -> Result<Self, Status> {
        let paths = mask.map(|mask| mask.paths).unwrap_or_default();
        if let Some(unknown) = paths.iter().find(|path| !FIELDS.contains(&path.as_str())) {
            let description = format!(
                "a profile has no field {unknown:?}; it has {}",
                FIELDS.join(", ")
            );
            return Err(status::invalid("field_mask", &description));
        }
        Ok(Self(Some(paths).filter(|paths| !paths.is_empty())))
    }

    /// The field's value if the mask has it, else the default.
    fn take<T: Default>(&self, field: &str, value: impl FnOnce() -> T) -> T {
        let paths = self.0.as_ref();
        let is_wanted = paths.is_none_or(|paths| paths.iter().any(|path| path == field));
        if is_wanted { value() } else { T::default() }
    }
}

/// A profile as a message, with the fields of the mask.
pub fn to_proto(profile: Profile, mask: &Mask) -> v1::LearnerProfile {
    v1::LearnerProfile {
        user_id: mask.take("user_id", || profile.user_id.into()),
        last_event_ms: mask.take("last_event_ms", || profile.last_event_ms),
        events: mask.take("events", || profile.events),
        session: mask.take("session", || profile.session.map(session)),
        courses: mask.take("courses", || list(profile.courses, course)),
        sliding_window: mask.take("sliding_window", || {
            profile.sliding_window.as_ref().map(window::to_proto)
        }),
        last_window: mask.take("last_window", || {
            profile.last_window.as_ref().map(window::to_proto)
        }),
        last_interactions: mask.take("last_interactions", || {
            list(profile.last_interactions, interaction)
        }),
        last_assessments: mask.take("last_assessments", || {
            list(profile.last_assessments, assessment)
        }),
        accuracy: mask.take("accuracy", || Some(accuracy(profile.accuracy))),
        skills: mask.take("skills", || list(profile.skills, skill)),
        other_courses: mask.take("other_courses", || profile.other_courses as u64),
    }
}

fn list<T, U>(items: impl IntoIterator<Item = T>, convert: impl Fn(T) -> U) -> Vec<U> {
    items.into_iter().map(convert).collect()
}

fn text(text: Option<Box<str>>) -> String {
    text.map(String::from).unwrap_or_default()
}

fn session(session: Session) -> v1::Session {
    v1::Session {
        session_id: session.session_id.into(),
        start_ms: session.start_ms,
        last_ms: session.last_ms,
        ended: session.ended,
        events: session.events,
    }
}

/// A learner's status as a message.
pub fn status(doing: Doing) -> v1::LearnerStatus {
    match doing {
        Doing::Active => v1::LearnerStatus::Active,
        Doing::Watching => v1::LearnerStatus::Watching,
        Doing::Idle => v1::LearnerStatus::Idle,
        Doing::Away => v1::LearnerStatus::Away,
    }
}

fn course(course: CourseStanding) -> v1::CourseMembership {
    v1::CourseMembership {
        course_id: course.course_id.into(),
        last_event_ms: course.last_event_ms,
        enrolled: course.enrolled,
        status: status(course.status).into(),
        reasons: course.reasons.into_iter().map(reason).collect(),
    }
}

/// A reason to need help as a message.
pub fn reason(reason: HelpReason) -> v1::HelpReason {
    v1::HelpReason {
        code: reason.code.name().to_owned(),
        skill_id: text(reason.skill_id),
        count: reason.count,
        since_ms: reason.since_ms,
    }
}

fn interaction(interaction: Interaction) -> v1::Interaction {
    v1::Interaction {
        event_id: interaction.key.event_id.into(),
        timestamp_ms: interaction.key.timestamp_ms,
        event_type: interaction.event_type.name().to_owned(),
        source: interaction.source.into(),
        session_id: text(interaction.session_id),
        course_id: text(interaction.course_id),
        object_id: text(interaction.object_id),
        metadata: interaction
            .metadata
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    }
}

fn assessment(assessment: Assessment) -> v1::Assessment {
    v1::Assessment {
        event_id: assessment.key.event_id.into(),
        timestamp_ms: assessment.key.timestamp_ms,
        event_type: assessment.event_type.name().to_owned(),
        course_id: text(assessment.course_id),
        object_id: text(assessment.object_id),
        attempt_id: text(assessment.attempt_id),
        skill_id: text(assessment.skill_id),
        score: f64::from(assessment.score_millionths) / 1_000_000.0,
    }
}

fn skill((skill_id, of): (Box<str>, Accuracy)) -> v1::SkillAccuracy {
    v1::SkillAccuracy {
        skill_id: skill_id.into(),
        accuracy: Some(accuracy(of)),
    }
}

/// A rolling accuracy as a message.
pub fn accuracy(accuracy: Accuracy) -> v1::Accuracy {
    v1::Accuracy {
        last5: accuracy.last5,
        last20: accuracy.last20,
        attempts: accuracy.attempts,
    }
}
