//! An accepted event, as the model sees it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kind::Kind;

/// One valid event with all its fields normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct NaiveEvent {
    /// Given by the source, or derived from the content.
    pub event_id: String,
    /// The learner.
    pub user_id: String,
    /// Absent only for `enrolled` and `unenrolled`.
    pub session_id: Option<String>,
    /// The course, if any.
    pub course_id: Option<String>,
    /// Event time in UTC ms, rounded down.
    pub timestamp_ms: i64,
    /// The type, as sent.
    pub event_type: String,
    /// The source that sent it.
    pub source: String,
    /// The object of the action.
    pub object_id: Option<String>,
    /// The attempt of the score.
    pub attempt_id: Option<String>,
    /// The skill of the score.
    pub skill_id: Option<String>,
    /// The source's own number of the event.
    pub producer_sequence: Option<u64>,
    /// Points reached.
    pub score: Option<f64>,
    /// Points possible.
    pub max_score: Option<f64>,
    /// Right or wrong, where there are no points.
    pub success: Option<bool>,
    /// Time taken for an answer.
    pub duration_ms: Option<i64>,
    /// Watched time that the source states itself.
    pub watched_ms: Option<i64>,
    /// Length of the object played.
    pub length_ms: Option<i64>,
    /// Position in the object played.
    pub position_ms: Option<i64>,
    /// All other fields.
    pub metadata: BTreeMap<String, Value>,
}

impl NaiveEvent {
    /// The kind of its type.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.event_type)
    }

    /// The order of "newest": time, then the id's bytes.
    pub fn order(&self) -> (i64, &str) {
        (self.timestamp_ms, &self.event_id)
    }

    /// The score in millionths of the maximum, rounded half up; points take precedence over
    /// `success`.
    pub fn score_millionths(&self) -> Option<i64> {
        if self.kind() != Kind::Assessment {
            return None;
        }
        match (self.score, self.max_score, self.success) {
            (Some(score), Some(max), _) => Some((score / max * 1_000_000.0 + 0.5).floor() as i64),
            (_, _, Some(success)) => Some(if success { 1_000_000 } else { 0 }),
            _ => None,
        }
    }

    /// Whether all fields except the id are equal after normalisation.
    pub fn same_content(&self, other: &NaiveEvent) -> bool {
        self.content() == other.content()
    }

    /// The whole content as text: the id of an event without one. A hash could collide.
    pub(crate) fn derived_id(&self) -> String {
        format!("derived:{:?}", self.content())
    }

    /// The content without the id. Points and success count only through their score, metadata as
    /// text.
    fn content(&self) -> NaiveEvent {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let metadata = self.metadata.iter();
        NaiveEvent {
            event_id: String::new(),
            score: self.score_millionths().map(|millionths| millionths as f64),
            max_score: None,
            success: None,
            metadata: metadata
                .map(|(name, value)| (name.clone(), text(value).into()))
                .collect(),
            ..self.clone()
        }
    }
}
