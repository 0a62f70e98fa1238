//! The intake of JSON deliveries, as the HTTP side uses it: each request is answered with the ids of its events.

use bytes::Bytes;

use super::{
    decode::decode_native,
    intake::{Admission, Intake, IntakeError, Receipt},
    statements::{Judged, PostedStatement, StatementsReceipt, judge},
};
use crate::route::Urgency;

/// Counts as the source of deliveries that name none: `listener:http`.
const LISTENER: &str = "http";

/// Takes deliveries in. Returns only once they are durable and applied, or refused.
pub trait JsonIntake: Send + Sync + 'static {
    /// Takes native JSON events, each by itself; a payload that is no event at all becomes a dead letter.
    fn publish_events(
        &self,
        events: &[Bytes],
    ) -> impl Future<Output = Result<Receipt, IntakeError>> + Send;

    /// Takes xAPI statements, all or, when any of them is refused, only those as dead letters. `source` is the credential that sent
    /// them, else [`XAPI_SOURCE`](super::XAPI_SOURCE).
    ///
    /// A statement that is known with other content is reported as conflicting only when it has a time of its own: one that has
    /// none gets the time of its arrival, which is another each time.
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
