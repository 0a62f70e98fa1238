//! Publishes batches as a source does, and looks now and then how long it takes until an event can be asked for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use homeroom_proto::v1::{
    self, ingest_service_client::IngestServiceClient, learner_service_client::LearnerServiceClient,
};
use prost_types::FieldMask;
use tonic::{Code, transport::Channel};

use super::{batches::Batch, error::DemoError, events, host::now_ms, ledger::Ledger};

/// A refused batch is sent again after this, and after twice as long each further time…
const RETRY_AFTER: Duration = Duration::from_millis(20);
/// … until this is reached.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(1);
/// Between two looks of one publisher.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Only events that happened within this of being sent are looked for, ms: older ones may not be among the newest any more.
const LOOK_AGE_MAX_MS: i64 = 5_000;

/// A connection to the node, as a source has it.
pub(super) struct Publisher {
    ingest: IngestServiceClient<Channel>,
    learners: LearnerServiceClient<Channel>,
    ledger: Arc<Ledger>,
    looked: Option<Instant>,
}

/// An event that is going to be looked for.
struct Probe {
    user_id: String,
    event_id: String,
    event_ms: i64,
    place: usize,
}

impl Publisher {
    /// One that publishes over `channel` and counts in `ledger`.
    pub(super) fn new(channel: Channel, ledger: Arc<Ledger>) -> Self {
        Self {
            ingest: IngestServiceClient::new(channel.clone()),
            learners: LearnerServiceClient::new(channel),
            ledger,
            looked: None,
        }
    }

    /// Publishes a batch, and once more where the source is unsure; returns once all of it has its final outcomes.
    ///
    /// # Errors
    /// When the node refuses it for good.
    pub(super) async fn publish(&mut self, mut batch: Batch) -> Result<(), DemoError> {
        let second = batch.again.then(|| batch.clone());
        self.send(&mut batch).await?;
        if let Some(mut second) = second {
            self.send(&mut second).await?;
        }
        Ok(())
    }

    /// The same for a batch of the present; looks for one of its events, unless that was done just now.
    ///
    /// # Errors
    /// When the node refuses it for good, or does not show what it acknowledged.
    pub(super) async fn publish_live(&mut self, mut batch: Batch) -> Result<(), DemoError> {
        let now = now_ms();
        let behind_ms = now.saturating_sub(batch.due_ms);
        self.ledger.behind(u64::try_from(behind_ms).unwrap_or(0));
        let second = batch.again.then(|| batch.clone());
        let is_time = self.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        let probe = is_time.then(|| Probe::among(&batch.events, now)).flatten();
        let begun = Instant::now();
        let (first, position) = self.send(&mut batch).await?;
        if let Some(probe) = probe
            && is_accepted(&first, probe.place)
        {
            self.look(&probe, position, begun).await?;
        }
        if let Some(mut second) = second {
            self.send(&mut second).await?;
        }
        Ok(())
    }

    /// The outcomes of the first request, and the newest position.
    async fn send(
        &mut self,
        batch: &mut Batch,
    ) -> Result<(Vec<v1::EventOutcome>, Option<v1::PositionToken>), DemoError> {
        let mut first: Option<Vec<v1::EventOutcome>> = None;
        let mut wait = RETRY_AFTER;
        loop {
            match self.ingest.publish(batch.request()).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    let again = self.ledger.count(&answer.outcomes);
                    let outcomes = first.get_or_insert(answer.outcomes);
                    if again.is_empty() {
                        return Ok((std::mem::take(outcomes), answer.position));
                    }
                    batch.retain(|place| again.binary_search(&place).is_ok());
                }
                Err(status) if status.code() == Code::ResourceExhausted => {}
                Err(status) => return Err(DemoError::Publish(Box::new(status))),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_AFTER_MAX);
        }
    }

    /// An acknowledged event is shown by a read at its position, or a promise is broken.
    async fn look(
        &mut self,
        probe: &Probe,
        position: Option<v1::PositionToken>,
        begun: Instant,
    ) -> Result<(), DemoError> {
        let request = v1::GetLearnerRequest {
            user_id: probe.user_id.clone(),
            read: Some(v1::ReadOptions {
                consistency: v1::Consistency::Session.into(),
                position,
                ..v1::ReadOptions::default()
            }),
            field_mask: Some(FieldMask {
                paths: ["last_interactions", "last_assessments"]
                    .map(str::to_owned)
                    .to_vec(),
            }),
        };
        let answer = self.learners.get_learner(request).await;
        let answer = answer.map_err(|status| DemoError::Ask {
            what: "a learner",
            status: Box::new(status),
        })?;
        let profile = answer.into_inner().profile.unwrap_or_default();
        let interactions = profile.last_interactions.iter().map(|of| &of.event_id);
        let assessments = profile.last_assessments.iter().map(|of| &of.event_id);
        if !interactions
            .chain(assessments)
            .any(|id| *id == probe.event_id)
        {
            return Err(DemoError::NotShown {
                event_id: probe.event_id.clone(),
                user_id: probe.user_id.clone(),
            });
        }
        let age_ms = now_ms().saturating_sub(probe.event_ms);
        let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
        self.ledger.shown(begun.elapsed(), age);
        self.looked = Some(Instant::now());
        Ok(())
    }
}

impl Probe {
    /// The last fresh one that a profile lists: it is among its learner's ten newest.
    fn among(events: &[v1::Event], now_ms: i64) -> Option<Self> {
        let fresh = |event: &v1::Event| {
            let age_ms = now_ms.saturating_sub(events::event_ms(event));
            events::is_listed(event) && age_ms <= LOOK_AGE_MAX_MS
        };
        let place = events.iter().rposition(fresh)?;
        let event = events.get(place)?;
        Some(Self {
            user_id: event.user_id.clone(),
            event_id: event.event_id.clone(),
            event_ms: events::event_ms(event),
            place,
        })
    }
}

fn is_accepted(outcomes: &[v1::EventOutcome], place: usize) -> bool {
    let outcome = outcomes.get(place);
    outcome.is_some_and(|outcome| outcome.status() == v1::EventStatus::Accepted)
}
