//! The checks that turn a draft into an event. They are the same for every form of event.

use homeroom_core::{Event, EventType, Reason, Refusal};

use super::{
    context::DeliveryContext,
    delivery::Delivery,
    draft::Draft,
    fault::{Fault, Sender, shortened},
    labels::Labels,
    limits::{EVENT_BYTES_MAX, FUTURE_TOLERANCE_MS, NAME_BYTES_MAX},
    quantity::Quantity,
    score::Scoring,
    timestamp::Stamp,
};

impl<'p> Draft<'p> {
    /// The event, if the draft passes all checks. `fault` is what the decoder of its form found.
    pub fn admit(
        self,
        fault: Option<Fault>,
        delivery: Delivery<'p>,
        context: &DeliveryContext<'_>,
    ) -> Result<Event<'p>, Refusal<'p>> {
        let bytes = delivery.bytes.len();
        let checked = match fault {
            _ if bytes > EVENT_BYTES_MAX => Err(Fault::oversized(bytes)),
            Some(fault) => Err(fault),
            None => self.check(delivery.labels(), context),
        };
        match checked {
            Ok((event_type, timestamp_ms)) => {
                Ok(self.into_event(event_type, timestamp_ms, context))
            }
            Err(fault) => {
                let sender = Sender {
                    source: self.source,
                    user_id: self.user_id,
                };
                Err(fault.refuse(delivery, sender, context))
            }
        }
    }

    /// The type and time of a valid draft, or else the first fault in the contract's order.
    fn check(
        &self,
        labels: &Labels,
        context: &DeliveryContext<'_>,
    ) -> Result<(EventType, i64), Fault> {
        let name = self.event_type.as_deref().unwrap_or_default();
        let event_type = EventType::known(name);
        let scoring = Scoring::of(event_type.as_ref());
        let needs_session = event_type.as_ref().is_none_or(EventType::needs_session);
        if !self.is_complete(scoring, needs_session) {
            return Err(self.missing(labels, scoring, needs_session));
        }
        let timestamp_ms = self.timestamp_ms(labels)?;
        let user_id = self.user_id.as_deref().unwrap_or_default();
        if let Some(now_ms) = context.log_time_of_ms(user_id)
            && timestamp_ms > now_ms.saturating_add(FUTURE_TOLERANCE_MS)
        {
            return Err(future(labels, timestamp_ms, now_ms));
        }
        self.check_names(labels)?;
        self.check_quantities(labels)?;
        self.check_score(labels, context)?;
        let other = || EventType::from_name(name);
        Ok((event_type.unwrap_or_else(other), timestamp_ms))
    }

    fn is_complete(&self, scoring: Scoring, needs_session: bool) -> bool {
        self.user_id.is_some()
            && self.event_type.is_some()
            && self.stamp != Stamp::Absent
            && self.source.is_some()
            && (self.session_id.is_some() || !needs_session)
            && self.is_scored(scoring)
    }

    fn is_scored(&self, scoring: Scoring) -> bool {
        scoring == Scoring::None
            || (self.score.is_some() && self.max_score.is_some())
            || (scoring == Scoring::ScoreOrSuccess && self.success.is_some())
    }

    fn missing(&self, labels: &Labels, scoring: Scoring, needs_session: bool) -> Fault {
        let required = [
            (self.user_id.is_none(), labels.user_id),
            (self.event_type.is_none(), labels.event_type),
            (self.stamp == Stamp::Absent, labels.timestamp),
            (self.source.is_none(), labels.source),
            (
                self.session_id.is_none() && needs_session,
                labels.session_id,
            ),
        ];
        let mut missing: Vec<String> = required
            .into_iter()
            .filter(|(is_missing, _)| *is_missing)
            .map(|(_, label)| label.to_owned())
            .collect();
        if !self.is_scored(scoring) {
            missing.push(match scoring {
                Scoring::ScoreOrSuccess => {
                    format!(
                        "{} and {}, or {}",
                        labels.score, labels.max_score, labels.success
                    )
                }
                _ if self.score.is_some() => labels.max_score.to_owned(),
                _ if self.max_score.is_some() => labels.score.to_owned(),
                _ => format!("{} and {}", labels.score, labels.max_score),
            });
        }
        Fault::new(
            Reason::MissingField,
            format!("missing {}", missing.join(", ")),
        )
    }

    fn timestamp_ms(&self, labels: &Labels) -> Result<i64, Fault> {
        let label = labels.timestamp;
        match &self.stamp {
            Stamp::At(timestamp_ms) => Ok(*timestamp_ms),
            Stamp::Absent => Err(Fault::new(Reason::MissingField, format!("missing {label}"))),
            Stamp::Unreadable(text) => {
                let detail = format!("{label} must be an RFC 3339 time, not {}", shortened(text));
                Err(Fault::new(Reason::BadTimestamp, detail))
            }
        }
    }

    /// Names are keys in memory and on disk, so their length is bounded. Metadata values are not
    /// bounded here.
    fn check_names(&self, labels: &Labels) -> Result<(), Fault> {
        let names = [
            (&self.event_id, "eventId"),
            (&self.user_id, labels.user_id),
            (&self.session_id, labels.session_id),
            (&self.course_id, "courseId"),
            (&self.event_type, labels.event_type),
            (&self.source, labels.source),
            (&self.object_id, "objectId"),
            (&self.attempt_id, "attemptId"),
            (&self.skill_id, "skillId"),
        ];
        for (name, label) in names {
            if let Some(name) = name.as_deref().filter(|name| name.len() > NAME_BYTES_MAX) {
                let bounds = format!("a name of at most {NAME_BYTES_MAX} bytes");
                return Err(Fault::out_of_range(label, &bounds, name));
            }
        }
        Ok(())
    }

    fn check_quantities(&self, labels: &Labels) -> Result<(), Fault> {
        let quantities = [
            (&self.duration_ms, labels.duration_ms, "a time of 0 or more"),
            (&self.watched_ms, "watchedMs", "a time of 0 or more"),
            (&self.length_ms, labels.length_ms, "a time of 0 or more"),
            (&self.position_ms, labels.position_ms, "a time of 0 or more"),
            (
                &self.producer_sequence,
                "producerSequence",
                "a non-negative integer",
            ),
        ];
        for (quantity, label, bounds) in quantities {
            if let Some(Quantity::Invalid(text)) = quantity {
                return Err(Fault::out_of_range(label, bounds, text));
            }
        }
        Ok(())
    }

    /// Checks scores of every event type: an impossible score is refused even where it would not
    /// count.
    fn check_score(&self, labels: &Labels, context: &DeliveryContext<'_>) -> Result<(), Fault> {
        if let Some(max_score) = self.max_score
            && !(max_score.is_finite() && max_score > 0.0)
        {
            let found = max_score.to_string();
            return Err(Fault::out_of_range(
                labels.max_score,
                "a number above 0",
                &found,
            ));
        }
        let Some(score) = self.score else {
            return Ok(());
        };
        if !(score.is_finite() && score >= 0.0) {
            let found = score.to_string();
            return Err(Fault::out_of_range(
                labels.score,
                "a number of 0 or more",
                &found,
            ));
        }
        let source = self.source.as_deref().unwrap_or_default();
        let (factor, times) = if context.settings.source_policy(source).extra_credit {
            (2.0, "2 × ")
        } else {
            (1.0, "")
        };
        match self.max_score {
            Some(max_score) if score > max_score * factor => {
                let bounds = format!("at most {times}{} = {max_score}", labels.max_score);
                Err(Fault::out_of_range(
                    labels.score,
                    &bounds,
                    &score.to_string(),
                ))
            }
            _ => Ok(()),
        }
    }
}

fn future(labels: &Labels, timestamp_ms: i64, now_ms: i64) -> Fault {
    let ahead_ms = i128::from(timestamp_ms) - i128::from(now_ms);
    let label = labels.timestamp;
    let detail = format!(
        "{label} is {ahead_ms} ms ahead of log time, at most {FUTURE_TOLERANCE_MS} are taken"
    );
    Fault::new(Reason::FutureTimestamp, detail)
}
