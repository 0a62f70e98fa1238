//! Selects the dead letters of a request.

use homeroom_core::{Reason, shard::DeadLetter};
use homeroom_proto::v1;
use tonic::Status;

use crate::{ingress::to_reason, status};

/// A parsed filter of a request.
pub struct Filter {
    pub source: Option<String>,
    reason: Option<Reason>,
    from_ms: i64,
    to_ms: i64,
}

impl Filter {
    pub fn of(filter: Option<v1::DeadLetterFilter>) -> Result<Self, Status> {
        let filter = filter.unwrap_or_default();
        let reason = match filter.reason {
            0 => None,
            number => Some(
                Reason::ALL
                    .into_iter()
                    .find(|reason| i32::from(to_reason(*reason)) == number)
                    .ok_or_else(|| status::invalid("filter.reason", "not one of the contract's"))?,
            ),
        };
        Ok(Self {
            source: Some(filter.source).filter(|source| !source.is_empty()),
            reason,
            from_ms: filter.from_ms.unwrap_or(i64::MIN),
            to_ms: filter.to_ms.unwrap_or(i64::MAX),
        })
    }

    pub fn keeps(&self, letter: &DeadLetter) -> bool {
        self.keeps_group(&letter.source, letter.reason)
            && (self.from_ms..self.to_ms).contains(&letter.refused_ms)
    }

    pub fn keeps_group(&self, source: &str, reason: Reason) -> bool {
        self.source.as_deref().is_none_or(|wanted| wanted == source)
            && self.reason.is_none_or(|wanted| wanted == reason)
    }
}
