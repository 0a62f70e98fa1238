//! A parsed event: every field has its type, no value is checked yet.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::event::NaiveEvent;
use super::kind::needs_no_session;
use super::reason::Reason;
use super::settings::Settings;

/// How far an event may be ahead of log time.
const FUTURE_MS: i64 = 60_000;

/// The fields of an event that is valid JSON of the right types.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) event_id: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) course_id: Option<String>,
    /// Any JSON value: a timestamp that is not a string is a bad timestamp, not a wrong type.
    pub(crate) timestamp: Option<Value>,
    pub(crate) event_type: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) object_id: Option<String>,
    pub(crate) attempt_id: Option<String>,
    pub(crate) skill_id: Option<String>,
    pub(crate) producer_sequence: Option<u64>,
    pub(crate) score: Option<f64>,
    pub(crate) max_score: Option<f64>,
    pub(crate) success: Option<bool>,
    pub(crate) duration_ms: Option<f64>,
    pub(crate) watched_ms: Option<f64>,
    pub(crate) length_ms: Option<f64>,
    pub(crate) position_ms: Option<f64>,
    pub(crate) metadata: BTreeMap<String, Value>,
}

impl Draft {
    /// Checks the draft: missing fields first, then the timestamp, then the values.
    pub(crate) fn finish(self, settings: &Settings) -> Result<NaiveEvent, Reason> {
        if !self.is_complete() {
            return Err(Reason::MissingField);
        }
        let timestamp_ms = timestamp_ms(self.timestamp.as_ref()).ok_or(Reason::BadTimestamp)?;
        if settings
            .now_ms
            .is_some_and(|now_ms| timestamp_ms > now_ms + FUTURE_MS)
        {
            return Err(Reason::FutureTimestamp);
        }
        if !self.times_are_in_range() || !self.scores_are_in_range(settings) {
            return Err(Reason::ValueOutOfRange);
        }
        Ok(self.into_event(timestamp_ms))
    }

    fn is_complete(&self) -> bool {
        let Some(event_type) = self.event_type.as_deref() else {
            return false;
        };
        let points = self.score.is_some() && self.max_score.is_some();
        let payload = match event_type {
            "quiz_submitted" | "score_updated" => points,
            "question_answered" => points || self.success.is_some(),
            _ => true,
        };
        let session = self.session_id.is_some() || needs_no_session(event_type);
        payload
            && session
            && self.user_id.is_some()
            && self.timestamp.is_some()
            && self.source.is_some()
    }

    fn times_are_in_range(&self) -> bool {
        [
            self.duration_ms,
            self.watched_ms,
            self.length_ms,
            self.position_ms,
        ]
        .into_iter()
        .flatten()
        .all(|time_ms| time_ms.is_finite() && time_ms >= 0.0)
    }

    fn scores_are_in_range(&self, settings: &Settings) -> bool {
        let extra = self
            .source
            .as_ref()
            .is_some_and(|source| settings.extra_credit.contains(source));
        let credit = if extra { 2.0 } else { 1.0 };
        let max_fits = self
            .max_score
            .is_none_or(|max| max.is_finite() && max > 0.0);
        let score_fits = self.score.is_none_or(|score| {
            let ceiling = self.max_score.map_or(f64::INFINITY, |max| max * credit);
            score.is_finite() && (0.0..=ceiling).contains(&score)
        });
        max_fits && score_fits
    }

    fn into_event(self, timestamp_ms: i64) -> NaiveEvent {
        let whole_ms = |time_ms: Option<f64>| time_ms.map(|time_ms| time_ms.round() as i64);
        let mut event = NaiveEvent {
            event_id: self.event_id.unwrap_or_default(),
            user_id: self.user_id.unwrap_or_default(),
            session_id: self.session_id,
            course_id: self.course_id,
            timestamp_ms,
            event_type: self.event_type.unwrap_or_default(),
            source: self.source.unwrap_or_default(),
            object_id: self.object_id,
            attempt_id: self.attempt_id,
            skill_id: self.skill_id,
            producer_sequence: self.producer_sequence,
            score: self.score,
            max_score: self.max_score,
            success: self.success,
            duration_ms: whole_ms(self.duration_ms),
            watched_ms: whole_ms(self.watched_ms),
            length_ms: whole_ms(self.length_ms),
            position_ms: whole_ms(self.position_ms),
            metadata: self.metadata,
        };
        if event.event_id.is_empty() {
            event.event_id = event.derived_id();
        }
        event
    }
}

/// UTC ms of an RFC 3339 text, rounded down.
pub(crate) fn timestamp_ms(timestamp: Option<&Value>) -> Option<i64> {
    let moment = OffsetDateTime::parse(timestamp?.as_str()?, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}
