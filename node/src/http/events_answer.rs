//! The outcomes of a request's events, as JSON.

use homeroom_proto::short_name;
use homeroom_proto::v1::{DeadLetterReason, EventOutcome, EventStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ingress::Receipt;

/// The answer. Empty fields are omitted.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventsAnswer<'r> {
    outcomes: Vec<OutcomeLine<'r>>,
    /// The sum of the four counts below.
    received: u64,
    accepted: u64,
    duplicate: u64,
    shadowed: u64,
    dead_lettered: u64,
    /// Events without an outcome, which must be sent again.
    #[serde(skip_serializing_if = "is_zero")]
    retry: u64,
    /// Of those the ones that may or may not be stored. The others are not.
    #[serde(skip_serializing_if = "is_zero")]
    unknown: u64,
    /// With status 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<NotAllTaken>,
    #[serde(skip_serializing_if = "String::is_empty")]
    position: String,
}

/// Why an answer has the status 503.
#[derive(Debug, Serialize, ToSchema)]
struct NotAllTaken {
    /// By which programs distinguish errors: `outcome_unknown` when some events may or may not be
    /// stored, else `unavailable`.
    code: &'static str,
    /// For people.
    message: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OutcomeLine<'r> {
    /// The event's index in the request, from 0.
    index: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_id: &'r str,
    #[schema(value_type = EventStatus)]
    status: &'r str,
    /// Of a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeadLetterReason>)]
    reason: Option<&'r str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'r str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    conflicting: bool,
    /// With the status `RETRY`: it may or may not be stored, and may yet be. Sent again, with the
    /// same id, it counts once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unknown: bool,
}

impl<'r> EventsAnswer<'r> {
    /// The answer for a receipt.
    pub fn of(receipt: &'r Receipt) -> Self {
        let mut answer = Self::default();
        for (index, outcome) in receipt.outcomes.iter().enumerate() {
            let event_id = receipt.event_ids.get(index).map_or("", String::as_str);
            answer.count(outcome.status());
            answer.unknown += u64::from(outcome.unknown);
            answer
                .outcomes
                .push(OutcomeLine::of(index, event_id, outcome));
        }
        if !receipt.position.shards.is_empty() {
            answer.position = receipt.position.to_string();
        }
        answer.error = NotAllTaken::of(receipt);
        answer
    }

    fn count(&mut self, status: EventStatus) {
        let counter = match status {
            EventStatus::Accepted => &mut self.accepted,
            EventStatus::Duplicate => &mut self.duplicate,
            EventStatus::Shadowed => &mut self.shadowed,
            EventStatus::DeadLettered => &mut self.dead_lettered,
            EventStatus::Retry | EventStatus::Unspecified => {
                self.retry += 1;
                return;
            }
        };
        *counter += 1;
        self.received += 1;
    }
}

impl NotAllTaken {
    fn of(receipt: &Receipt) -> Option<Self> {
        if receipt.is_in_doubt() {
            let message = "the outcome of some events is unknown: they may or may not be stored; it is safe to send the same events again";
            let code = "outcome_unknown";
            return Some(Self { code, message });
        }
        receipt.is_partial().then_some(Self {
            code: "unavailable",
            message: "not all events could be taken now; send those with the status RETRY again",
        })
    }
}

impl<'r> OutcomeLine<'r> {
    fn of(index: usize, event_id: &'r str, outcome: &'r EventOutcome) -> Self {
        let reason =
            Some(outcome.reason()).filter(|&reason| reason != DeadLetterReason::Unspecified);
        Self {
            index,
            event_id,
            status: short_name(outcome.status().as_str_name(), "EVENT_STATUS_"),
            reason: reason.map(|reason| short_name(reason.as_str_name(), "DEAD_LETTER_REASON_")),
            detail: &outcome.detail,
            conflicting: outcome.conflicting,
            unknown: outcome.unknown,
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
