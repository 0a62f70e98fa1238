//! The last step of an entry: its outcomes are counted in order.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    dead_letters::DeadLetter,
    outcome::Outcome,
    source::{Delivery, OTHER_SOURCES},
    state::ShardState,
};
use crate::{
    EventSummary, PayloadFormat, Reason, Refusal, context::EntryContext, learner::Verdict,
    learner_hash,
};

/// A record of an entry, with its learner's verdict.
#[derive(Clone, Debug)]
pub enum RecordVerdict<'a> {
    /// An event that was applied to its learner.
    Event {
        /// The learner.
        user_id: &'a str,
        /// The encoded event.
        encoded: &'a [u8],
        /// The learner's verdict.
        verdict: Verdict,
    },
    /// A delivery that ingress refused.
    Refused(Refusal<'a>),
}

impl ShardState {
    /// Counts the records of an entry in order, advances the watermark, and returns the outcomes.
    pub fn finish<'a>(
        &mut self,
        context: &EntryContext,
        records: impl Iterator<Item = RecordVerdict<'a>>,
    ) -> Vec<Outcome> {
        let outcomes = records.map(|record| self.count(context, record)).collect();
        self.advance_watermark();
        self.hash_state();
        outcomes
    }

    /// Adds the shard's state after the deliveries to the entry hash.
    fn hash_state(&mut self) {
        let at = self.read_point();
        let times_ms = [
            self.log_time_ms(),
            at.watermark_ms,
            at.event_clock_ms,
            at.floor_ms,
        ];
        let (letters, letters_bytes) = self.dead_letters.extent();
        let version = self.settings().version;
        self.entry_hash
            .add_figures(&[version, letters, letters_bytes]);
        self.entry_hash
            .add_figures(&times_ms.map(i64::cast_unsigned));
    }

    fn count(&mut self, context: &EntryContext, record: RecordVerdict<'_>) -> Outcome {
        match record {
            RecordVerdict::Event {
                user_id,
                encoded,
                verdict,
            } => match EventSummary::decode(encoded) {
                Ok(summary) => self.count_event(context, (user_id, summary, encoded), verdict),
                Err(_) => self.count_refusal(context, unreadable(user_id, encoded)),
            },
            RecordVerdict::Refused(refusal) => self.count_refusal(context, refusal),
        }
    }

    fn count_refusal(&mut self, context: &EntryContext, refusal: Refusal<'_>) -> Outcome {
        let source = refusal.source.clone();
        let outcome = self.keep(DeadLetter::of(refusal, context.log_time_ms));
        let delivery = Delivery {
            source: &source,
            outcome,
            amends: false,
            log_time_ms: context.log_time_ms,
            timestamp_ms: None,
            sequence: None,
        };
        self.sources.count(delivery, &context.settings);
        self.entry_hash.add_outcome(outcome);
        outcome
    }

    fn count_event(
        &mut self,
        context: &EntryContext,
        (user_id, summary, encoded): (&str, EventSummary<'_>, &[u8]),
        verdict: Verdict,
    ) -> Outcome {
        let outcome = match verdict {
            Verdict::Accepted { .. } => Outcome::Accepted,
            Verdict::Duplicate { conflicting } => Outcome::Duplicate {
                conflicting,
                reason: None,
            },
            Verdict::Shadowed => Outcome::Shadowed,
            Verdict::Refused(reason) => {
                let refusal = refused_event(user_id, summary.source, encoded, reason);
                self.keep(DeadLetter::of(refusal, context.log_time_ms))
            }
        };
        match verdict {
            Verdict::Accepted {
                amends,
                began,
                effect,
            } => {
                if let Some(pane) = began {
                    self.open_windows.begin(pane, context);
                }
                self.raise_clock(summary.timestamp_ms, context.log_time_ms);
                self.entry_hash.add_accepted(amends, effect, began);
            }
            _ => self.entry_hash.add_outcome(outcome),
        }
        let delivery = Delivery {
            source: summary.source,
            outcome,
            amends: matches!(verdict, Verdict::Accepted { amends: true, .. }),
            log_time_ms: context.log_time_ms,
            timestamp_ms: Some(summary.timestamp_ms),
            sequence: summary.producer_sequence,
        };
        self.sources.count(delivery, &context.settings);
        outcome
    }

    fn keep(&mut self, letter: DeadLetter) -> Outcome {
        let reason = letter.reason;
        if self.dead_letters.add(letter) {
            Outcome::DeadLettered(reason)
        } else {
            Outcome::Duplicate {
                conflicting: false,
                reason: Some(reason),
            }
        }
    }
}

/// An event that this build's ingress did not write. Its learner could not decode it either.
fn unreadable<'a>(user_id: &'a str, encoded: &'a [u8]) -> Refusal<'a> {
    Refusal {
        source: Cow::Borrowed(OTHER_SOURCES),
        reason: Reason::Poison,
        detail: Cow::Borrowed("its encoding can't be read"),
        user_id: Some(Cow::Borrowed(user_id)),
        format: PayloadFormat::Normalised,
        payload_hash: normalised_hash(user_id, encoded),
        payload: Cow::Borrowed(encoded),
    }
}

fn refused_event<'a>(
    user_id: &'a str,
    source: &'a str,
    encoded: &'a [u8],
    reason: Reason,
) -> Refusal<'a> {
    Refusal {
        source: Cow::Borrowed(source),
        reason,
        detail: Cow::Borrowed(reason.words()),
        user_id: Some(Cow::Borrowed(user_id)),
        format: PayloadFormat::Normalised,
        payload_hash: normalised_hash(user_id, encoded),
        payload: Cow::Borrowed(encoded),
    }
}

/// Identity of an event that was refused in normalised form. The learner's id is hashed too, since
/// the encoding does not contain it.
pub fn normalised_hash(user_id: &str, encoded: &[u8]) -> u64 {
    xxh3_64_with_seed(encoded, learner_hash(user_id))
}
