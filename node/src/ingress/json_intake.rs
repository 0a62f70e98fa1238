//! Intake of JSON deliveries for HTTP. Answers have the ids of the events.

use bytes::Bytes;

use super::{
    decode::decode_native,
    intake::{Admission, Intake, IntakeError, Receipt},
    statements::{Judged, PostedStatement, StatementsReceipt, judge},
};
use crate::route::Urgency;

/// Deliveries without a source are counted as `listener:http`.
const LISTENER: &str = "http";

/// Accepts JSON deliveries. Each call returns once they are durable and applied, or refused.
pub trait JsonIntake: Send + Sync + 'static {
    /// Publishes native JSON events. A payload that is not an event becomes a dead letter.
    fn publish_events(
        &self,
        events: &[Bytes],
    ) -> impl Future<Output = Result<Receipt, IntakeError>> + Send;

    /// Publishes xAPI statements. When any of them is refused, only the refused ones are stored, as
    /// dead letters. `source` is the sender's credential, or else
    /// [`XAPI_SOURCE`](super::XAPI_SOURCE).
    ///
    /// A statement whose id is known with other content is reported as conflicting only if it has a
    /// time of its own. Without one it gets its time of receipt, which differs each time.
    fn publish_statements(
        &self,
        statements: &[PostedStatement],
        source: &str,
    ) -> impl Future<Output = Result<StatementsReceipt, IntakeError>> + Send;
}

impl JsonIntake for Intake {
    async fn publish_events(&self, events: &[Bytes]) -> Result<Receipt, IntakeError> {
        let admit = |admission: &mut Admission<'_>| {
            let context = admission.context();
            let ids = events.iter().map(|payload| {
                let decoded = decode_native(payload, &context);
                let id = decoded.as_ref().map(|event| event.event_id.to_string());
                let id = id.unwrap_or_default();
                admission.delivery(decoded);
                id
            });
            Ok(ids.collect())
        };
        let (taken, event_ids) = self
            .admit(LISTENER, events.len(), Urgency::Refuse, admit)
            .await?;
        Ok(taken.receipt().await.naming(event_ids))
    }

    async fn publish_statements(
        &self,
        statements: &[PostedStatement],
        source: &str,
    ) -> Result<StatementsReceipt, IntakeError> {
        let admit = |admission: &mut Admission<'_>| Ok(judge(admission, statements, source));
        let (taken, judged) = self
            .admit(LISTENER, statements.len(), Urgency::Refuse, admit)
            .await?;
        let Judged {
            refused,
            event_ids,
            is_timed,
        } = judged;
        let mut taken = taken.receipt().await.naming(event_ids);
        for (outcome, is_timed) in taken.outcomes.iter_mut().zip(is_timed) {
            outcome.conflicting &= is_timed;
        }
        Ok(StatementsReceipt { refused, taken })
    }
}
