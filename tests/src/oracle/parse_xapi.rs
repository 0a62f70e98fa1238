//! xAPI statements, mapped to events.

use serde_json::{Map, Value};

use super::draft::{Draft, timestamp_ms};
use super::event::NaiveEvent;
use super::fields::Fields;
use super::parse_native::parse_object;
use super::reason::{Reason, Refusal};
use super::settings::{ActorForm, Settings, SkillPlace};

const VIDEO_PROFILE: &str = "https://w3id.org/xapi/video";
const VIDEO_TYPE: &str = "https://w3id.org/xapi/video/activity-type/video";
const SESSION_EXTENSION: &str = "https://w3id.org/xapi/video/extensions/session-id";
const LENGTH_EXTENSION: &str = "https://w3id.org/xapi/video/extensions/length";

/// Reads one statement as an event, or returns why it is refused.
pub fn parse_xapi(line: &[u8], settings: &Settings) -> Result<NaiveEvent, Refusal> {
    let source = Some(settings.xapi_source.clone());
    let statement = match parse_object(line) {
        Ok(object) => Statement::of(object),
        Err(refusal) => return Err(Refusal { source, ..refusal }),
    };
    statement
        .and_then(|statement| statement.draft(settings))
        .and_then(|draft| draft.finish(settings))
        .map_err(|reason| Refusal { reason, source })
}

/// The parts of a statement that the mapping reads.
struct Statement {
    id: Option<String>,
    timestamp: Option<Value>,
    actor: Map<String, Value>,
    verb: Option<String>,
    object: Map<String, Value>,
    context: Map<String, Value>,
    result: Map<String, Value>,
    whole: Map<String, Value>,
}

impl Statement {
    fn of(object: Map<String, Value>) -> Result<Statement, Reason> {
        let mut whole = object.clone();
        whole.remove("id");
        let mut fields = Fields::of(object);
        Ok(Statement {
            id: fields
                .text(&["id"])?
                .map(|id| if is_uuid(&id) { id.to_lowercase() } else { id }),
            timestamp: fields.value(&["timestamp"]),
            actor: fields.object("actor")?.unwrap_or_default(),
            verb: Fields::of(fields.object("verb")?.unwrap_or_default()).text(&["id"])?,
            object: fields.object("object")?.unwrap_or_default(),
            context: fields.object("context")?.unwrap_or_default(),
            result: fields.object("result")?.unwrap_or_default(),
            whole,
        })
    }

    fn draft(self, settings: &Settings) -> Result<Draft, Reason> {
        let object_id = text(&self.object, "id")?;
        let registration = text(&self.context, "registration")?;
        let points = self.points()?;
        let success = Fields::of(self.result.clone()).truth("success")?;
        let event_type = self.event_type(points.is_some(), success.is_some());
        let is_quiz = event_type.as_deref() == Some("quiz_submitted");
        let attempt_id = registration
            .as_ref()
            .filter(|_| is_quiz)
            .map(|registration| {
                format!(
                    "{registration}|{}",
                    object_id.as_deref().unwrap_or_default()
                )
            });
        Ok(Draft {
            user_id: user_id(&self.actor, settings.actor_form)?,
            session_id: self.session(registration)?,
            course_id: self.course(),
            object_id,
            attempt_id,
            score: points.map(|(score, _)| score),
            max_score: points.map(|(_, max)| max),
            success,
            skill_id: self.skills(&settings.skill_place).into_iter().next(),
            length_ms: self.length_ms()?,
            event_id: self.id,
            timestamp: self.timestamp,
            event_type,
            source: Some(settings.xapi_source.clone()),
            metadata: self.whole.into_iter().collect(),
            ..Draft::default()
        })
    }

    /// The score as points and their maximum: raw and max, else scaled and 1.
    fn points(&self) -> Result<Option<(f64, f64)>, Reason> {
        let mut score = Fields::of(
            Fields::of(self.result.clone())
                .object("score")?
                .unwrap_or_default(),
        );
        let (raw, max) = (score.number("raw", None)?, score.number("max", None)?);
        let scaled = score.number("scaled", None)?;
        Ok(raw.zip(max).or(scaled.map(|scaled| (scaled, 1.0))))
    }

    /// An answer is a rated one only when its result has points or says whether it is right.
    fn event_type(&self, has_points: bool, is_judged: bool) -> Option<String> {
        let name = self
            .verb
            .as_deref()?
            .rsplit('/')
            .find(|part| !part.is_empty())?;
        let event_type = match name {
            "played" => "video_played",
            "paused" => "video_paused",
            "seeked" => "video_seeked",
            "terminated" => "video_ended",
            "completed" if self.is_video() => "video_completed",
            "initialized" if self.is_video() => "video_initialized",
            "interacted" if self.is_video() => "video_interacted",
            "answered" if has_points || is_judged => "question_answered",
            "passed" | "failed" | "completed" | "scored" if has_points => "quiz_submitted",
            "launched" | "experienced" | "viewed" => "page_view",
            other => other,
        };
        Some(event_type.to_owned())
    }

    /// A statement is of the video profile when its category or its object's type says so.
    fn is_video(&self) -> bool {
        let by_category = self
            .activities("category")
            .iter()
            .any(|activity| id_of(activity) == Some(VIDEO_PROFILE));
        by_category
            || self.object.get("definition").and_then(|it| it.get("type"))
                == Some(&VIDEO_TYPE.into())
    }

    fn session(&self, registration: Option<String>) -> Result<Option<String>, Reason> {
        let extensions = extensions(&self.context)?;
        if let Some(session) = text(&extensions, SESSION_EXTENSION)?.or(registration) {
            return Ok(Some(session));
        }
        let day = timestamp_ms(self.timestamp.as_ref())
            .and_then(|ms| time::OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).ok());
        // Without a readable timestamp the event is refused anyway, so any session serves.
        Ok(Some(day.map_or_else(
            || "day:".to_owned(),
            |day| format!("day:{}", day.date()),
        )))
    }

    fn course(&self) -> Option<String> {
        let (parents, groupings) = (self.activities("parent"), self.activities("grouping"));
        let typed = parents
            .iter()
            .chain(&groupings)
            .find(|activity| is_course(activity));
        typed
            .or(parents.first())
            .and_then(|activity| id_of(activity))
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
    }

    /// All skills in the place, in the statement's order. Only texts are skills.
    fn skills(&self, place: &SkillPlace) -> Vec<String> {
        let found: Vec<Value> = match place {
            SkillPlace::Nowhere => Vec::new(),
            SkillPlace::Groupings => {
                let groupings = self.activities("grouping").into_iter();
                let groupings = groupings.filter(|activity| !is_course(activity));
                groupings.filter_map(|it| it.get("id").cloned()).collect()
            }
            SkillPlace::Categories => {
                let categories = self.activities("category").into_iter();
                let ids = categories.filter_map(|it| it.get("id").cloned());
                ids.filter(|id| *id != VIDEO_PROFILE).collect()
            }
            SkillPlace::OfDefinition(iri) => listed(
                self.object
                    .get("definition")
                    .and_then(|it| it.get("extensions")),
                iri,
            ),
            SkillPlace::OfContext(iri) => listed(self.context.get("extensions"), iri),
        };
        let texts = found.iter().filter_map(Value::as_str);
        texts
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn length_ms(&self) -> Result<Option<f64>, Reason> {
        for part in [&self.context, &self.result] {
            if let Some(length_s) = Fields::of(extensions(part)?).number(LENGTH_EXTENSION, None)? {
                return Ok(Some(length_s * 1_000.0));
            }
        }
        Ok(None)
    }

    /// Context activities of one relation; a single one need not be in a list.
    fn activities(&self, relation: &str) -> Vec<Value> {
        match self
            .context
            .get("contextActivities")
            .and_then(|it| it.get(relation))
        {
            Some(Value::Array(activities)) => activities.clone(),
            Some(Value::Object(activity)) => vec![Value::Object(activity.clone())],
            _ => Vec::new(),
        }
    }
}

fn user_id(actor: &Map<String, Value>, form: ActorForm) -> Result<Option<String>, Reason> {
    if let Some(account) = Fields::of(actor.clone()).object("account")? {
        let (name, home_page) = (
            text(&account, "name")?,
            text(&account, "homePage")?.unwrap_or_default(),
        );
        return Ok(name.map(|name| match form {
            ActorForm::Name => name,
            ActorForm::HomePageAndName => format!("{home_page}|{name}"),
        }));
    }
    if let Some(mbox) = text(actor, "mbox")? {
        return Ok(Some(mbox));
    }
    if let Some(hash) = text(actor, "mbox_sha1sum")? {
        return Ok(Some(format!("sha1:{hash}")));
    }
    text(actor, "openid")
}

/// The values of an extension: one, or those of its list.
fn listed(extensions: Option<&Value>, iri: &str) -> Vec<Value> {
    match extensions.and_then(|extensions| extensions.get(iri)) {
        Some(Value::Array(values)) => values.clone(),
        Some(value) => vec![value.clone()],
        None => Vec::new(),
    }
}

fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, Reason> {
    Fields::of(object.clone()).text(&[name])
}

fn extensions(part: &Map<String, Value>) -> Result<Map<String, Value>, Reason> {
    Ok(Fields::of(part.clone())
        .object("extensions")?
        .unwrap_or_default())
}

/// Whether this is a UUID as text: hexadecimal digits of either case, hyphens in their places.
fn is_uuid(id: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match byte {
            b'-' => hyphens.contains(&at),
            _ => byte.is_ascii_hexdigit() && !hyphens.contains(&at),
        })
}

fn id_of(activity: &Value) -> Option<&str> {
    activity.get("id")?.as_str()
}

fn is_course(activity: &Value) -> bool {
    let kind = activity
        .get("definition")
        .and_then(|it| it.get("type"))
        .and_then(Value::as_str);
    kind.is_some_and(|kind| kind.rsplit('/').next() == Some("course"))
}
