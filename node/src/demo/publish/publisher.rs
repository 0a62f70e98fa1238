//! Publishes the batches of one source, and measures the latency of insight on some of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use homeroom_client::{Batch as Request, Client};
use homeroom_proto::v1;
use prost_types::FieldMask;

use super::{batches::Batch, ledger::Ledger, now_ms};
use crate::demo::{class, error::DemoError};

/// Between two measurements of one publisher.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The age limit of a measured event, ms: an older one may not be among the newest of its learner.
const LOOK_AGE_MAX_MS: i64 = 5_000;
/// Interactions, and assessments, that a profile lists.
const LISTED_MAX: usize = 10;

/// The publisher of one source.
pub(super) struct Publisher {
    client: Client,
    ledger: Arc<Ledger>,
    looked: Option<Instant>,
}

/// An event whose latency is measured.
struct Probe {
    user_id: String,
    event_id: String,
    event_ms: i64,
    is_answer: bool,
    place: usize,
}

impl Publisher {
    /// Publishes through `client` and counts in `ledger`.
    pub(super) fn new(client: Client, ledger: Arc<Ledger>) -> Self {
        Self {
            client,
            ledger,
            looked: None,
        }
    }

    /// Publishes a batch of the past, twice if it says so. Returns once all events have their final
    /// outcomes.
    ///
    /// # Errors
    /// When the node refuses it for good.
    pub(super) async fn publish(&self, batch: &Batch) -> Result<(), DemoError> {
        self.send_all(batch).await?;
        self.send_again(batch).await
    }

    /// Publishes a live batch, and measures the latency of one of its events, unless a measurement
    /// was just made.
    ///
    /// # Errors
    /// When the node refuses it for good, or a query does not show an acknowledged event.
    pub(super) async fn publish_live(&mut self, batch: &Batch) -> Result<(), DemoError> {
        let now = now_ms();
        let behind_ms = now.saturating_sub(batch.due_ms);
        self.ledger.behind(u64::try_from(behind_ms).unwrap_or(0));
        let is_time = self.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        let probe = is_time.then(|| Probe::among(&batch.events, now)).flatten();
        let begun = Instant::now();
        let [events, broken] = batch.requests();
        let outcomes = self.send(events).await?;
        if let Some(probe) = probe
            && is_accepted(&outcomes, probe.place)
        {
            self.look(&probe, begun).await?;
        }
        // Sent after the measurement, which would otherwise include a second round trip.
        self.send(broken).await?;
        self.send_again(batch).await
    }

    async fn send_again(&self, batch: &Batch) -> Result<(), DemoError> {
        if batch.again {
            self.send_all(batch).await?;
        }
        Ok(())
    }

    async fn send_all(&self, batch: &Batch) -> Result<(), DemoError> {
        for request in batch.requests() {
            self.send(request).await?;
        }
        Ok(())
    }

    /// Sends one request, if there is one. Returns the outcomes of its events, in their order.
    async fn send(&self, request: Option<Request>) -> Result<Vec<v1::EventOutcome>, DemoError> {
        let Some(request) = request else {
            return Ok(Vec::new());
        };
        let outcomes = self.client.publish(&request).await?;
        self.ledger.count(&outcomes);
        let without = outcomes.iter();
        let mut without = without.filter(|it| it.status() == v1::EventStatus::Retry);
        match without.next() {
            None => Ok(outcomes),
            Some(_) => Err(DemoError::NotTaken {
                unknown: outcomes.iter().filter(|outcome| outcome.unknown).count(),
            }),
        }
    }

    /// A read at the position of an acknowledgement must show the acknowledged event.
    async fn look(&mut self, probe: &Probe, begun: Instant) -> Result<(), DemoError> {
        let request = v1::GetLearnerRequest {
            user_id: probe.user_id.clone(),
            // The client adds the position of its acknowledgements.
            read: Some(v1::ReadOptions {
                consistency: v1::Consistency::Session.into(),
                ..v1::ReadOptions::default()
            }),
            field_mask: Some(FieldMask {
                paths: ["last_interactions", "last_assessments"]
                    .map(str::to_owned)
                    .to_vec(),
            }),
        };
        let answer = self.client.get_learner(request).await?;
        let profile = answer.profile.unwrap_or_default();
        if !probe.is_shown_in(&profile) {
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
    /// The last recent event that a profile lists: it is among its learner's ten newest.
    fn among(events: &[v1::Event], now_ms: i64) -> Option<Self> {
        let fresh = |event: &v1::Event| {
            let age_ms = now_ms.saturating_sub(class::event_ms(event));
            class::is_listed(event) && age_ms <= LOOK_AGE_MAX_MS
        };
        let place = events.iter().rposition(fresh)?;
        let event = events.get(place)?;
        Some(Self {
            user_id: event.user_id.clone(),
            event_id: event.event_id.clone(),
            event_ms: class::event_ms(event),
            is_answer: class::is_answer(event),
            place,
        })
    }

    /// Whether the event is listed, or ten newer ones have displaced it.
    fn is_shown_in(&self, profile: &v1::LearnerProfile) -> bool {
        let listed: Vec<(&str, i64)> = if self.is_answer {
            let newest = profile.last_assessments.iter();
            newest
                .map(|of| (of.event_id.as_str(), of.timestamp_ms))
                .collect()
        } else {
            let newest = profile.last_interactions.iter();
            newest
                .map(|of| (of.event_id.as_str(), of.timestamp_ms))
                .collect()
        };
        let is_newer = |listed: &(&str, i64)| listed.1 >= self.event_ms;
        listed.iter().any(|(id, _)| *id == self.event_id)
            || (listed.len() >= LISTED_MAX && listed.iter().all(is_newer))
    }
}

fn is_accepted(outcomes: &[v1::EventOutcome], place: usize) -> bool {
    let outcome = outcomes.get(place);
    outcome.is_some_and(|outcome| outcome.status() == v1::EventStatus::Accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::class::{Act, of_act};

    const NOW_MS: i64 = 1_772_438_400_000;

    fn probe() -> Probe {
        let events = [
            of_act("mia", &Act::View(1), NOW_MS - 100, 1),
            of_act("mia", &Act::Arrive, NOW_MS, 2),
            of_act("noah", &Act::Click(1), NOW_MS - 60_000, 3),
        ];
        Probe::among(&events, NOW_MS).expect("a fresh one that is listed")
    }

    fn listing(ids: &[&str], timestamp_ms: i64) -> v1::LearnerProfile {
        let interaction = |id: &&str| v1::Interaction {
            event_id: (*id).to_owned(),
            timestamp_ms,
            ..v1::Interaction::default()
        };
        v1::LearnerProfile {
            last_interactions: ids.iter().map(interaction).collect(),
            ..v1::LearnerProfile::default()
        }
    }

    #[test]
    fn what_is_looked_for_is_fresh_and_listed() {
        let probe = probe();
        assert_eq!(
            (probe.user_id.as_str(), probe.event_id.as_str()),
            ("mia", "lms-1")
        );
        assert_eq!(probe.place, 0);
    }

    #[test]
    fn an_event_is_shown_when_it_is_there_or_ten_newer_ones_are() {
        let probe = probe();
        assert!(probe.is_shown_in(&listing(&["lms-9", "lms-1"], NOW_MS - 100)));
        assert!(!probe.is_shown_in(&listing(&["lms-9"], NOW_MS)));
        assert!(!probe.is_shown_in(&listing(&["other"; 10], NOW_MS - 101)));
        assert!(probe.is_shown_in(&listing(&["other"; 10], NOW_MS)));
        assert!(!probe.is_shown_in(&v1::LearnerProfile::default()));
    }
}
