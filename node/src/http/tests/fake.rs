//! A fake intake, whose outcomes follow each delivery's `verb`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use homeroom_core::Reason;
use homeroom_proto::v1::{self, DeadLetterReason, EventStatus};
use serde_json::Value;

use crate::{
    ingress::{
        IntakeError, JsonIntake, PostedStatement, Receipt, RefusedStatement, StatementsReceipt,
    },
    route::RouteError,
};

/// By request: the source and the deliveries.
pub type Published = Arc<Mutex<Vec<(String, Vec<Bytes>)>>>;

/// Records what is published. A JSON object with a verb is valid.
#[derive(Clone, Default)]
pub struct FakeIntake {
    pub published: Published,
    pub wait: Duration,
}

impl JsonIntake for FakeIntake {
    async fn publish_events(&self, events: &[Bytes]) -> Result<Receipt, IntakeError> {
        self.publish(events.to_vec(), "events").await
    }

    async fn publish_statements(
        &self,
        statements: &[PostedStatement],
        source: &str,
    ) -> Result<StatementsReceipt, IntakeError> {
        let refusal = |(index, posted): (usize, &PostedStatement)| {
            let (reason, detail) = fault(&posted.bytes)?;
            Some(RefusedStatement {
                index,
                id: posted.id.clone(),
                reason: reason.name(),
                detail: detail.to_owned(),
            })
        };
        let refused = statements.iter().enumerate().filter_map(refusal).collect();
        let bytes = statements.iter().map(|posted| posted.bytes.clone());
        let taken = self.publish(bytes.collect(), source).await?;
        Ok(StatementsReceipt { refused, taken })
    }
}

impl FakeIntake {
    async fn publish(&self, deliveries: Vec<Bytes>, source: &str) -> Result<Receipt, IntakeError> {
        tokio::time::sleep(self.wait).await;
        let outcomes: Result<_, _> = deliveries.iter().map(|bytes| fate(bytes)).collect();
        let event_ids = deliveries.iter().map(|bytes| text(bytes, "id"));
        let event_ids = event_ids.map(Option::unwrap_or_default).collect();
        let mut published = self.published.lock().expect("lock");
        published.push((source.to_owned(), deliveries));
        let index = published.len() as u64;
        Ok(Receipt {
            outcomes: outcomes?,
            event_ids,
            position: v1::PositionToken {
                cluster_id: "fake".to_owned(),
                shards: vec![v1::ShardPosition {
                    index,
                    ..v1::ShardPosition::default()
                }],
            },
            refusal: None,
        })
    }
}

fn text(delivery: &[u8], name: &str) -> Option<String> {
    let json: Value = serde_json::from_slice(delivery).ok()?;
    Some(json.get(name)?.as_str()?.to_owned())
}

fn fault(delivery: &[u8]) -> Option<(Reason, &'static str)> {
    if serde_json::from_slice::<Value>(delivery).is_err() {
        return Some((Reason::Malformed, "no JSON"));
    }
    let is_sound = text(delivery, "verb").is_some();
    (!is_sound).then_some((Reason::MissingField, "verb"))
}

fn fate(delivery: &[u8]) -> Result<v1::EventOutcome, IntakeError> {
    let dead = |reason: DeadLetterReason, detail: &str| v1::EventOutcome {
        status: EventStatus::DeadLettered.into(),
        reason: reason.into(),
        detail: detail.to_owned(),
        ..v1::EventOutcome::default()
    };
    let plain = |status: EventStatus, conflicting| v1::EventOutcome {
        status: status.into(),
        conflicting,
        ..v1::EventOutcome::default()
    };
    match fault(delivery) {
        Some((Reason::Malformed, detail)) => return Ok(dead(DeadLetterReason::Malformed, detail)),
        Some((_, detail)) => return Ok(dead(DeadLetterReason::MissingField, detail)),
        None => {}
    }
    Ok(match text(delivery, "verb").as_deref() {
        Some("late") => dead(DeadLetterReason::Late, "settled"),
        Some("again") => plain(EventStatus::Duplicate, false),
        Some("other") => plain(EventStatus::Duplicate, true),
        Some("shadow") => plain(EventStatus::Shadowed, false),
        Some("retry") => plain(EventStatus::Retry, false),
        Some("unknown") => v1::EventOutcome {
            unknown: true,
            ..plain(EventStatus::Retry, false)
        },
        Some("overload") => {
            let queued_bytes_max = 0;
            return Err(RouteError::Overloaded { queued_bytes_max }.into());
        }
        _ => plain(EventStatus::Accepted, false),
    })
}
