//! Maps verbs and activity types of xAPI profiles to event types and courses.

use std::borrow::Cow;

use super::statement::{Activity, Context, Statement};

/// The prefix of the video profile's extensions.
pub(super) const VIDEO_EXTENSIONS: &str = "https://w3id.org/xapi/video/extensions/";
pub(super) const SESSION_ID: &str = "https://w3id.org/xapi/video/extensions/session-id";
pub(super) const LENGTH: &str = "https://w3id.org/xapi/video/extensions/length";
pub(super) const TIME: &str = "https://w3id.org/xapi/video/extensions/time";
/// The target of a seek.
pub(super) const TIME_TO: &str = "https://w3id.org/xapi/video/extensions/time-to";

const VIDEO_PROFILE: &str = "w3id.org/xapi/video";

/// The event type of a statement's verb; `None` without a verb. Without a result that can be rated,
/// answers (essays, surveys) and the ends of quizzes keep the verb's own name.
pub(super) fn event_type<'p>(statement: &Statement<'p>) -> Option<Cow<'p, str>> {
    let verb = statement.verb.id.filled()?;
    let name = last_part(&verb);
    let is_scored = || statement.result.is_scored();
    let known = match name {
        "played" => Some("video_played"),
        "paused" => Some("video_paused"),
        "seeked" => Some("video_seeked"),
        "terminated" => Some("video_ended"),
        "answered" if is_scored() || statement.result.success.is_some() => {
            Some("question_answered")
        }
        "launched" | "experienced" | "viewed" => Some("page_view"),
        "completed" if is_video(statement) => Some("video_completed"),
        "initialized" if is_video(statement) => Some("video_initialized"),
        "interacted" if is_video(statement) => Some("video_interacted"),
        "passed" | "failed" | "completed" | "scored" if is_scored() => Some("quiz_submitted"),
        _ => None,
    };
    Some(match (known, &verb) {
        (Some(known), _) => Cow::Borrowed(known),
        (None, Cow::Borrowed(verb)) => Cow::Borrowed(last_part(verb)),
        (None, Cow::Owned(_)) => Cow::Owned(name.to_owned()),
    })
}

/// Whether a statement follows the video profile, by its verb, its object's type or its categories.
fn is_video(statement: &Statement<'_>) -> bool {
    let mut categories = statement.context.context_activities.category.iter();
    is_of_video_profile(statement.verb.id.as_str())
        || is_of_video_profile(statement.object.definition.kind.as_str())
        || categories.any(|category| is_of_video_profile(category.id.as_str()))
}

pub(super) fn is_of_video_profile(iri: &str) -> bool {
    let (_, address) = iri.split_once("://").unwrap_or_default();
    address
        .strip_prefix(VIDEO_PROFILE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#']))
}

impl<'p> Context<'p> {
    /// The first parent of type course, else the first grouping of type course, else the first
    /// parent.
    pub fn course(&self) -> Option<Cow<'p, str>> {
        let (parents, groupings) = (
            &self.context_activities.parent,
            &self.context_activities.grouping,
        );
        let course = parents.iter().find(|parent| is_course(parent));
        course
            .or_else(|| groupings.iter().find(|grouping| is_course(grouping)))
            .or_else(|| parents.iter().next())
            .and_then(|activity| activity.id.filled())
    }
}

pub(super) fn is_course(activity: &Activity<'_>) -> bool {
    last_part(activity.definition.kind.as_str()) == "course"
}

/// The last part of an IRI's path, or its fragment. Vocabularies use both.
fn last_part(iri: &str) -> &str {
    let iri = iri.trim_end_matches(['/', '#']);
    iri.rsplit(['/', '#']).next().unwrap_or(iri)
}
