//! Dead letters on their way in once more, each as the delivery that it was.

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
    publish::{Intake, IntakeError, wall_ms},
};
use crate::route::Urgency;

/// What became of a letter's new delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedriveOutcome {
    /// It counts.
    Accepted,
    /// An event of this identity counts already.
    Duplicate,
    /// Another source is authoritative.
    Shadowed,
    /// Refused again; nothing else keeps it.
    Stays(RefusedNow),
    /// Refused again, and kept as another letter: in its normalised form, or with another learner's shard.
    Moved(RefusedNow),
    /// Not taken, or nobody knows.
    Retry,
}

/// What is said of a letter that is refused again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedNow {
    /// Why.
    pub reason: Reason,
    /// In words.
    pub detail: Box<str>,
    /// The learner, where it can be made out.
    pub user_id: Option<Box<str>>,
}

/// What ingress would say of a letter now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DryRunOutcome {
    /// Only its learner can refuse it now.
    Passable,
    /// Refused again.
    Refused(Reason, Box<str>),
}

/// A kept delivery, ready to be read again.
struct Redelivery<'l>(&'l DeadLetter);

/// What is known of a new delivery before its outcome.
struct Sent {
    /// Whether its refusal would be the very letter that it comes from.
    is_same: bool,
    /// The words for what ingress refused.
    detail: Option<Box<str>>,
    user_id: Option<Box<str>>,
}

impl Intake {
    /// Delivers kept letters of a shard once more, under the settings in force; answers when every delivery is durable and applied.
    /// Letters that are kept in part only must not be among them.
    ///
    /// # Errors
    /// When too much is under way. Nothing of it is stored then.
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

    /// What ingress would say of kept letters now. Delivers nothing.
    ///
    /// # Errors
    /// When there are no settings yet.
    pub fn dry_run(&self, letters: &[&DeadLetter]) -> Result<Vec<DryRunOutcome>, IntakeError> {
        let cluster = self.cluster.borrow().clone();
        let founded = cluster.founded.as_ref().ok_or(IntakeError::NotFounded)?;
        let now_ms = wall_ms();
        let context = DeliveryContext {
            now_ms,
            arrived_ms: now_ms,
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
    /// As at its own door. A letter without a source of its own stays with the listener that took it in, and one without a time has
    /// that of its refusal: the same at each re-drive, so that an id derived from it is the same too.
    fn decode(&self, context: &DeliveryContext<'_>) -> Result<Event<'_>, Refusal<'_>> {
        let letter = self.0;
        let context = DeliveryContext {
            arrived_ms: letter.refused_ms,
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

    /// The refusal that the letter was made of.
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
    /// A letter's identity is its source and a hash, within its shard.
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

    fn outcome(self, outcome: Option<Outcome>) -> RedriveOutcome {
        match outcome {
            None => RedriveOutcome::Retry,
            Some(Outcome::Accepted) => RedriveOutcome::Accepted,
            Some(Outcome::Shadowed) => RedriveOutcome::Shadowed,
            Some(Outcome::Duplicate { reason: None, .. }) => RedriveOutcome::Duplicate,
            Some(
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
