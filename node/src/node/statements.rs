//! The HTTP door's way to the intake.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use homeroom_core::Reason;
use homeroom_proto::v1;
use tokio::sync::watch;

use crate::{
    http,
    ingress::{Intake, to_reason},
    observe::Readiness,
    route::Urgency,
};

/// When to come back to a node that has no room, s.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Statements into the intake, while the node is ready.
#[derive(Clone)]
pub struct Statements {
    intake: Arc<OnceLock<Intake>>,
    readiness: watch::Receiver<Readiness>,
}

impl Statements {
    /// Takes nothing yet.
    pub fn closed(readiness: watch::Receiver<Readiness>) -> Self {
        Self {
            intake: Arc::default(),
            readiness,
        }
    }

    /// From now on statements go to this intake.
    pub fn open(&self, intake: Intake) {
        // Opened once: a node starts once.
        let _ = self.intake.set(intake);
    }

    fn ready(&self) -> Result<&Intake, http::IntakeError> {
        let reason = self.readiness.borrow().reason().map(str::to_owned);
        match (reason, self.intake.get()) {
            (None, Some(intake)) => Ok(intake),
            (reason, _) => Err(http::IntakeError::Unavailable {
                reason: reason.unwrap_or_else(|| "the node is starting".to_owned()),
                retry_after: RETRY_AFTER,
            }),
        }
    }
}

impl http::Intake for Statements {
    async fn publish_statements(
        &self,
        statements: Vec<Bytes>,
        source: &str,
    ) -> Result<Vec<http::IntakeOutcome>, http::IntakeError> {
        let raw = v1::RawEvents {
            format: v1::RawFormat::XapiJson.into(),
            payloads: statements,
            source: source.to_owned(),
        };
        let intake = self.ready()?;
        let receipt = intake.take("http", &[], Some(&raw), Urgency::Refuse).await;
        let overloaded = |_| http::IntakeError::Overloaded {
            retry_after: RETRY_AFTER,
        };
        Ok(receipt
            .map_err(overloaded)?
            .outcomes
            .into_iter()
            .map(to_outcome)
            .collect())
    }
}

fn to_outcome(outcome: v1::EventOutcome) -> http::IntakeOutcome {
    let status = match outcome.status() {
        v1::EventStatus::Accepted => http::IntakeStatus::Accepted,
        v1::EventStatus::Duplicate => http::IntakeStatus::Duplicate,
        v1::EventStatus::Shadowed => http::IntakeStatus::Shadowed,
        v1::EventStatus::DeadLettered => http::IntakeStatus::DeadLettered,
        v1::EventStatus::Retry | v1::EventStatus::Unspecified => http::IntakeStatus::Retry,
    };
    let reason = Reason::ALL
        .into_iter()
        .find(|reason| to_reason(*reason) == outcome.reason());
    http::IntakeOutcome {
        status,
        reason,
        detail: outcome.detail,
    }
}
