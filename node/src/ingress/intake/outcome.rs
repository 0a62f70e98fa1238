//! The outcomes and position of a request as protobuf messages.

use homeroom_core::{Reason, shard::Outcome};
use homeroom_proto::v1;

use crate::route::{Delivered, Positions};

/// The outcomes of a request, with the details of its refusals.
pub fn to_outcomes(delivered: &Delivered, details: &[(u32, String)]) -> Vec<v1::EventOutcome> {
    let mut outcomes: Vec<v1::EventOutcome> = delivered
        .outcomes
        .iter()
        .map(|outcome| to_outcome(*outcome))
        .collect();
    for (slot, detail) in details {
        if let Some(outcome) = outcomes.get_mut(*slot as usize) {
            outcome.detail.clone_from(detail);
        }
    }
    outcomes
}

/// The position at which the whole request is applied.
pub fn to_token(cluster_id: &str, positions: &Positions) -> v1::PositionToken {
    let shards = positions
        .iter()
        .map(|(shard, index)| v1::ShardPosition {
            shard: shard.into(),
            index,
        })
        .collect();
    v1::PositionToken {
        cluster_id: cluster_id.to_owned(),
        shards,
    }
}

/// The protobuf enum value of a reason.
pub fn to_reason(reason: Reason) -> v1::DeadLetterReason {
    match reason {
        Reason::Malformed => v1::DeadLetterReason::Malformed,
        Reason::MissingField => v1::DeadLetterReason::MissingField,
        Reason::BadTimestamp => v1::DeadLetterReason::BadTimestamp,
        Reason::FutureTimestamp => v1::DeadLetterReason::FutureTimestamp,
        Reason::ValueOutOfRange => v1::DeadLetterReason::ValueOutOfRange,
        Reason::Oversized => v1::DeadLetterReason::Oversized,
        Reason::SchemaMismatch => v1::DeadLetterReason::SchemaMismatch,
        Reason::Late => v1::DeadLetterReason::Late,
        Reason::BeyondRetention => v1::DeadLetterReason::BeyondRetention,
        Reason::Poison => v1::DeadLetterReason::Poison,
        Reason::LearnerFull => v1::DeadLetterReason::LearnerFull,
    }
}

fn to_outcome(outcome: Option<Outcome>) -> v1::EventOutcome {
    let (status, reason, conflicting) = match outcome {
        Some(Outcome::Accepted) => (v1::EventStatus::Accepted, None, false),
        Some(Outcome::Duplicate {
            conflicting,
            reason,
        }) => (v1::EventStatus::Duplicate, reason, conflicting),
        Some(Outcome::Shadowed) => (v1::EventStatus::Shadowed, None, false),
        Some(Outcome::DeadLettered(reason)) => (v1::EventStatus::DeadLettered, Some(reason), false),
        None => (v1::EventStatus::Retry, None, false),
    };
    v1::EventOutcome {
        status: status.into(),
        reason: reason
            .map_or(v1::DeadLetterReason::Unspecified, to_reason)
            .into(),
        detail: reason.map_or_else(String::new, |reason| reason.words().to_owned()),
        conflicting,
    }
}
