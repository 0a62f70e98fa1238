//! The HTTP door's way to the intake.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::watch;

use crate::{
    http,
    ingress::{Intake, IntakeError, NamedReceipt, PostedStatement, StatementsReceipt},
    observe::Readiness,
};

/// What counts as the source of deliveries that name none: `listener:http`.
const LISTENER: &str = "http";
/// When to come back to a node that has no room, s.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Events and statements into the intake, while the node is ready.
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

    /// From now on they go to this intake.
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
    async fn publish_events(&self, events: Vec<Bytes>) -> Result<http::Receipt, http::IntakeError> {
        let taken = self.ready()?.take_native(LISTENER, &events).await;
        taken.map(to_receipt).map_err(|error| to_error(&error))
    }

    async fn publish_statements(
        &self,
        statements: Vec<http::Posted>,
        source: &str,
    ) -> Result<http::StatementsReceipt, http::IntakeError> {
        let intake = self.ready()?;
        let statements = statements.into_iter().map(|posted| PostedStatement {
            bytes: posted.bytes,
            is_id_derived: posted.is_id_derived,
        });
        let statements: Vec<_> = statements.collect();
        let taken = intake.take_statements(LISTENER, &statements, source).await;
        let StatementsReceipt { refused, taken } = taken.map_err(|error| to_error(&error))?;
        let refused = refused.into_iter().map(|statement| http::Unsound {
            index: statement.index,
            reason: statement.reason,
            detail: statement.detail,
        });
        Ok(http::StatementsReceipt {
            refused: refused.collect(),
            taken: to_receipt(taken),
        })
    }
}

fn to_receipt(taken: NamedReceipt) -> http::Receipt {
    http::Receipt {
        outcomes: taken.receipt.outcomes,
        event_ids: taken.event_ids,
        position: taken.receipt.position,
    }
}

/// A request that is too large for the intake was let through by a door that is meant to bound it: the sender is told the same
/// as when there is no room.
fn to_error(error: &IntakeError) -> http::IntakeError {
    match error {
        IntakeError::Route(_) | IntakeError::TooMany(_) => http::IntakeError::Overloaded {
            retry_after: RETRY_AFTER,
        },
        IntakeError::NotFounded | IntakeError::UnknownFormat => http::IntakeError::Unavailable {
            reason: error.to_string(),
            retry_after: RETRY_AFTER,
        },
    }
}
