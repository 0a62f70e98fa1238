//! Delivers dead letters again, each in its original form.

use homeroom_core::{
    Event, PayloadFormat, Reason, Refusal,
    entry::refusal_hash,
    learner_hash,
    shard::{DeadLetter, Outcome, normalised_hash},
    shard_of,
};

use super::{
    super::decode::{
        DeliveryContext, decode_native, decode_proto, decode_standard_xapi, decode_xapi,
    },
    admission::Admission,
    publish::{Intake, IntakeError},
};
use crate::route::{DeliveryError, Urgency};

/// The outcome of a letter's new delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedriveOutcome {
    /// Accepted.
    Accepted,
    /// An event with this identity was accepted before.
    Duplicate,
    /// Shadowed, as another source is authoritative.
    Shadowed,
    /// Refused again, and kept as the same letter.
    Stays(RefusedNow),
    /// Refused again, and kept as another letter: in normalised form, or in another shard.
    Moved(RefusedNow),
    /// Nothing was stored: to be delivered again.
    Retry,
    /// It may or may not be stored, and may yet be. Delivered again it is a duplicate then.
    Unknown,
}

/// The refusal of a letter that is refused again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedNow {
    /// Why.
    pub reason: Reason,
    /// The detail.
    pub detail: Box<str>,
    /// The learner, where it can be read.
    pub user_id: Option<Box<str>>,
}

/// What ingress would decide on a letter now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DryRunOutcome {
    /// Ingress would accept it; only the shard can still refuse it.
    Passable,
    /// Ingress would refuse it again.
    Refused(Reason, Box<str>),
}

/// A dead letter to decode again.
struct Redelivery<'l>(&'l DeadLetter);

/// What is known of a new delivery before its outcome.
struct Sent {
    /// Whether its refusal would be the same letter.
    is_same: bool,
    /// The detail, if ingress refused it.
    detail: Option<Box<str>>,
    user_id: Option<Box<str>>,
}

impl Intake {
    /// Delivers letters of a shard again, under the current settings. Returns when every delivery
    /// is durable and applied. Letters with truncated payloads must not be among them.
    ///
    /// # Errors
    /// When the queues are full. Nothing is stored then.
    pub async fn redeliver(
        &self,
        shard: u16,
        letters: &[&DeadLetter],
    ) -> Result<Vec<RedriveOutcome>, IntakeError> {
        let admit = |admission: &mut Admission<'_>| {
            let context = admission.context();
            let shards = admission.shards();
            let send = |letter: &&DeadLetter| {
                let kept = Redelivery(letter);
                let decoded = kept.decode(&context);
                let sent = Sent::of(&decoded, (shard, letter), shards);
                admission.delivery(decoded);
                sent
            };
            Ok(letters.iter().map(send).collect::<Vec<_>>())
        };
        let (taken, sent) = self
            .admit("redrive", letters.len(), Urgency::Refuse, admit)
            .await?;
        let outcomes = taken.outcomes().await.into_iter();
        Ok(outcomes
            .zip(sent)
            .map(|(outcome, sent)| sent.outcome(outcome))
            .collect())
    }

    /// What ingress would decide on the letters now. Delivers nothing.
    ///
    /// # Errors
    /// When the cluster is not founded.
    pub fn dry_run(&self, letters: &[&DeadLetter]) -> Result<Vec<DryRunOutcome>, IntakeError> {
        let cluster = self.cluster.borrow().clone();
        let founded = cluster.founded.as_ref().ok_or(IntakeError::NotFounded)?;
        let log_times_ms = self.log_times_ms();
        let context = DeliveryContext {
            log_times_ms: &log_times_ms,
            first_arrived_ms: None,
            listener: "redrive",
            settings: &founded.settings,
            home_pages: None,
        };
        let outcome_of = |letter: &&DeadLetter| match Redelivery(letter).decode(&context) {
            Ok(_) => DryRunOutcome::Passable,
            Err(refusal) => DryRunOutcome::Refused(refusal.reason, (*refusal.detail).into()),
        };
        Ok(letters.iter().map(outcome_of).collect())
    }
}

impl Redelivery<'_> {
    /// Decodes the letter as its listener did. A letter without a source keeps its first listener,
    /// and one without a time has the time of its refusal. Both are the same at each re-drive, so
    /// that a derived id is the same, too.
    fn decode(&self, context: &DeliveryContext<'_>) -> Result<Event<'_>, Refusal<'_>> {
        let letter = self.0;
        let context = DeliveryContext {
            first_arrived_ms: Some(letter.refused_ms),
            listener: letter
                .source
                .strip_prefix("listener:")
                .unwrap_or(context.listener),
            ..*context
        };
        match letter.format {
            PayloadFormat::NativeJson => decode_native(&letter.payload, &context),
            PayloadFormat::XapiJson => decode_xapi(&letter.payload, &letter.source, &context),
            PayloadFormat::StandardXapiJson => {
                decode_standard_xapi(&letter.payload, &letter.source, &context)
                    .map(|(event, _)| event)
            }
            PayloadFormat::Protobuf => decode_proto(&letter.payload, &context),
            PayloadFormat::Normalised => {
                let user_id = letter.user_id.as_deref().unwrap_or_default();
                Event::decode(user_id, &letter.payload).map_err(|_| self.as_it_was())
            }
        }
    }

    /// The refusal from which the letter was made.
    fn as_it_was(&self) -> Refusal<'_> {
        let letter = self.0;
        Refusal {
            source: (&*letter.source).into(),
            reason: letter.reason,
            detail: (&*letter.detail).into(),
            user_id: letter.user_id.as_deref().map(Into::into),
            format: letter.format,
            payload_hash: letter.payload_hash,
            payload: (&letter.payload).into(),
        }
    }
}

impl Sent {
    /// Compares identities: a letter's source and hash within its shard.
    fn of(
        decoded: &Result<Event<'_>, Refusal<'_>>,
        (shard, letter): (u16, &DeadLetter),
        shards: u32,
    ) -> Self {
        let (to, source, hash, user_id) = match decoded {
            Ok(event) => {
                let mut encoded = Vec::new();
                event.encode_into(&mut encoded);
                let hash = normalised_hash(&event.user_id, &encoded);
                let to = learner_hash(&event.user_id);
                (to, &event.source, hash, Some(&event.user_id))
            }
            Err(refusal) => {
                let hash = refusal.payload_hash;
                let to = refusal_hash(refusal);
                (to, &refusal.source, hash, refusal.user_id.as_ref())
            }
        };
        let same_place = shard_of(to, shards) == u32::from(shard);
        let refusal = decoded.as_ref().err();
        Self {
            is_same: same_place && **source == *letter.source && hash == letter.payload_hash,
            detail: refusal.map(|refusal| (*refusal.detail).into()),
            user_id: user_id.map(|user_id| (**user_id).into()),
        }
    }

    fn outcome(self, outcome: Result<Outcome, DeliveryError>) -> RedriveOutcome {
        match outcome {
            Err(DeliveryError::Unknown) => RedriveOutcome::Unknown,
            Err(_) => RedriveOutcome::Retry,
            Ok(Outcome::Accepted) => RedriveOutcome::Accepted,
            Ok(Outcome::Shadowed) => RedriveOutcome::Shadowed,
            Ok(Outcome::Duplicate { reason: None, .. }) => RedriveOutcome::Duplicate,
            Ok(
                Outcome::DeadLettered(reason)
                | Outcome::Duplicate {
                    reason: Some(reason),
                    ..
                },
            ) => {
                let now = RefusedNow {
                    reason,
                    detail: self.detail.unwrap_or_else(|| reason.words().into()),
                    user_id: self.user_id,
                };
                if self.is_same {
                    RedriveOutcome::Stays(now)
                } else {
                    RedriveOutcome::Moved(now)
                }
            }
        }
    }
}
