//! Translates a statement into a draft.

use std::borrow::Cow;

use homeroom_core::{ActorForm, EventType, SkillFrom};
use jiff::{Timestamp, Unit, civil::Date, fmt::temporal::SpanParser, tz::TimeZone};
use uuid::{Uuid, fmt::Hyphenated};

use super::{
    super::{
        context::DeliveryContext,
        draft::Draft,
        fault::Fault,
        labels,
        quantity::Quantity,
        text::{is_string, unquoted},
        timestamp::Stamp,
    },
    metadata, skill,
    statement::{Score, Statement},
    values::Number,
    vocabulary::{self, LENGTH, SESSION_ID, TIME, TIME_TO},
};

/// What the translation needs besides the statement.
pub(super) struct Translation<'s> {
    pub form: ActorForm,
    pub context: &'s DeliveryContext<'s>,
    pub skill_from: Option<&'s SkillFrom>,
}

impl Translation<'_> {
    /// The draft without its source, and the fault of the statement's shape, if any.
    pub fn draft<'p>(&self, statement: &Statement<'p>) -> (Draft<'p>, Option<Fault>) {
        let (context, result) = (&statement.context, &statement.result);
        let user_id = statement.actor.user_id(self.form);
        let stamp = self.stamp(statement, user_id.as_deref().unwrap_or_default());
        let registration = context.registration.filled();
        let own_session = context.extensions.text(SESSION_ID);
        let is_registration_used = own_session.is_none();
        let session = own_session.or_else(|| registration.clone());
        let length = context
            .extensions
            .number(LENGTH)
            .or(result.extensions.number(LENGTH));
        let position = result
            .extensions
            .number(TIME)
            .or(result.extensions.number(TIME_TO));
        let (duration_ms, fault) = match result.duration.filled() {
            Some(text) => duration(text, &stamp),
            None => (None, None),
        };
        let mut draft = Draft {
            event_id: statement.id.filled().map(in_one_spelling),
            user_id,
            session_id: Some(session.unwrap_or_else(|| day_of(&stamp))),
            course_id: context.course(),
            stamp,
            event_type: vocabulary::event_type(statement),
            object_id: statement.object.id(self.form),
            success: result.success,
            duration_ms,
            length_ms: length.map(Quantity::seconds),
            position_ms: position.map(Quantity::seconds),
            metadata: metadata::of(statement, is_registration_used),
            ..Draft::default()
        };
        if let Some(from) = self.skill_from {
            draft.skill_id = skill::take(statement, from, &mut draft.metadata);
        }
        if let Some(score) = &result.score {
            draft.take_score_of(score, registration);
        }
        (draft, fault)
    }

    /// The event time. By the standard a statement without one has the time of its first receipt.
    fn stamp<'p>(&self, statement: &Statement<'p>, user_id: &str) -> Stamp<'p> {
        let read = |json: &'p str| match is_string(json).then(|| unquoted(json)) {
            Some(Ok(text)) => Stamp::from_iso8601(text),
            _ => Stamp::Unreadable(Cow::Borrowed(json)),
        };
        match statement.timestamp.map(|json| read(json.get())) {
            None | Some(Stamp::Absent) => match statement.stored.map(|json| read(json.get())) {
                Some(Stamp::At(stored_ms)) => Stamp::At(stored_ms),
                // Without log time the event is not taken, whatever its time.
                _ => Stamp::At(self.context.arrived_ms(user_id).unwrap_or_default()),
            },
            Some(stamp) => stamp,
        }
    }
}

impl<'p> Draft<'p> {
    fn take_score_of(&mut self, score: &Score, registration: Option<Cow<'p, str>>) {
        let event_type = self.event_type.as_deref().and_then(EventType::known);
        match event_type {
            Some(EventType::QuizSubmitted) => {
                // Without a registration, a second try can't be distinguished from a correction.
                if let (Some(registration), Some(object_id)) = (registration, &self.object_id) {
                    self.attempt_id = Some(Cow::Owned(format!("{registration}|{object_id}")));
                }
            }
            Some(EventType::QuestionAnswered | EventType::ScoreUpdated) => {}
            _ => return metadata::keep_score(&mut self.metadata, score),
        }
        let number = |number: Option<Number>| number.map(|Number(value)| value);
        (self.score, self.max_score) = match (number(score.raw), number(score.max)) {
            (Some(raw), Some(max)) => (Some(raw), Some(max)),
            (raw, max) => match number(score.scaled) {
                Some(scaled) => (Some(scaled), Some(1.0)),
                None => (raw, max),
            },
        };
    }
}

/// The session of statements without one: their UTC date.
fn day_of(stamp: &Stamp<'_>) -> Cow<'static, str> {
    // Without a date the draft is refused for its timestamp, so this session id is never used.
    let date = date_of(stamp)
        .map(|date| date.to_string())
        .unwrap_or_default();
    Cow::Owned(format!("day:{date}"))
}

fn date_of(stamp: &Stamp<'_>) -> Option<Date> {
    let Stamp::At(timestamp_ms) = stamp else {
        return None;
    };
    let timestamp = Timestamp::from_millisecond(*timestamp_ms).ok()?;
    Some(TimeZone::UTC.to_datetime(timestamp).date())
}

/// Parses `result.duration`. The lengths of its months and years are counted from the event's day.
fn duration<'p>(text: Cow<'p, str>, stamp: &Stamp<'_>) -> (Option<Quantity<'p>>, Option<Fault>) {
    let from = date_of(stamp).unwrap_or_default();
    // `SpanParser` accepts only the standard's form; `Span`'s own parser also accepts `5 minutes`.
    let span = SpanParser::new().parse_span(text.as_bytes());
    match span.and_then(|span| span.total((Unit::Millisecond, from))) {
        Ok(ms) => (Some(Quantity::computed_ms(ms, text)), None),
        Err(_) => {
            let expected = "an ISO 8601 duration";
            (
                None,
                Some(Fault::wrong_type(labels::XAPI.duration_ms, expected, &text)),
            )
        }
    }
}

/// UUIDs are compared ignoring case, so they are kept in lower case.
fn in_one_spelling(id: Cow<'_, str>) -> Cow<'_, str> {
    let is_uuid = id.len() == Hyphenated::LENGTH && Uuid::try_parse(&id).is_ok();
    if is_uuid && id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(id.to_ascii_lowercase())
    } else {
        id
    }
}
