//! An event between decoding and checking. Each form fills the same draft, so that one place checks
//! all.

use std::borrow::Cow;

use homeroom_core::{Event, EventType};

use super::{
    context::DeliveryContext,
    metadata::Metadata,
    quantity::Quantity,
    score::{Scoring, millionths},
    timestamp::Stamp,
};

/// Empty texts are `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft<'p> {
    pub event_id: Option<Cow<'p, str>>,
    pub user_id: Option<Cow<'p, str>>,
    pub session_id: Option<Cow<'p, str>>,
    pub course_id: Option<Cow<'p, str>>,
    pub stamp: Stamp<'p>,
    pub event_type: Option<Cow<'p, str>>,
    pub source: Option<Cow<'p, str>>,
    pub object_id: Option<Cow<'p, str>>,
    pub attempt_id: Option<Cow<'p, str>>,
    pub producer_sequence: Option<Quantity<'p>>,
    pub score: Option<f64>,
    pub max_score: Option<f64>,
    pub success: Option<bool>,
    pub skill_id: Option<Cow<'p, str>>,
    pub duration_ms: Option<Quantity<'p>>,
    pub watched_ms: Option<Quantity<'p>>,
    pub length_ms: Option<Quantity<'p>>,
    pub position_ms: Option<Quantity<'p>>,
    pub metadata: Metadata<'p>,
}

impl<'p> Draft<'p> {
    /// The event of a draft that passed the checks.
    pub fn into_event(
        mut self,
        event_type: EventType,
        timestamp_ms: i64,
        context: &DeliveryContext<'_>,
    ) -> Event<'p> {
        let score_millionths = self.take_score(Scoring::of(Some(&event_type)));
        let source = self.source.unwrap_or_default();
        let keeps_metadata = || !context.settings.source_policy(&source).drop_unknown_fields;
        let metadata = if self.metadata.len() > 0 && keeps_metadata() {
            self.metadata.into_sorted()
        } else {
            Vec::new()
        };
        let valid = |quantity: Option<Quantity<'_>>| quantity.and_then(|quantity| quantity.valid());
        let mut event = Event {
            event_id: self.event_id.unwrap_or_default(),
            user_id: self.user_id.unwrap_or_default(),
            session_id: self.session_id,
            course_id: self.course_id,
            timestamp_ms,
            event_type,
            source,
            object_id: self.object_id,
            attempt_id: self.attempt_id,
            producer_sequence: valid(self.producer_sequence),
            score_millionths,
            skill_id: self.skill_id,
            duration_ms: valid(self.duration_ms),
            watched_ms: valid(self.watched_ms),
            length_ms: valid(self.length_ms),
            position_ms: valid(self.position_ms),
            metadata,
        };
        event.derive_id_if_missing();
        event
    }

    /// The score in millionths. Values that do not count are moved to the metadata.
    fn take_score(&mut self, scoring: Scoring) -> Option<u32> {
        let pair = self
            .score
            .zip(self.max_score)
            .filter(|_| scoring != Scoring::None);
        let success = self.success.filter(|_| scoring == Scoring::ScoreOrSuccess);
        let by_pair = pair.map(|(score, max_score)| millionths(score, max_score));
        if by_pair.is_none() {
            self.keep_number("score", self.score);
            self.keep_number("maxScore", self.max_score);
        }
        if let Some(unused) = self
            .success
            .filter(|_| by_pair.is_some() || success.is_none())
        {
            self.metadata
                .push("success", if unused { "true" } else { "false" });
        }
        by_pair.or(success.map(|success| if success { 1_000_000 } else { 0 }))
    }

    fn keep_number(&mut self, name: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.metadata.push(name, value.to_string());
        }
    }
}
