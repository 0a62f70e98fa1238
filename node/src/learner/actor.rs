//! The actor of one active learner.

use bytes::Bytes;
use homeroom_core::{
    Event, Reason,
    learner::{Learner, Verdict},
    shard::{EntryContext, ReadPoint},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::message::{Advance, Apply, GroupApplied, LearnerMessage, Save, Saved};

/// What an actor takes beside its learner's events: measured with idle actors, bytes.
const ACTOR_BYTES: u64 = 10_000;
/// What an event adds to its learner's memory, bytes: its identity, and its share of panes and facts.
const EVENT_BYTES: u64 = 96;

/// Holds a [`Learner`] and does to it what the shard says, message by message.
pub struct LearnerActor;

impl Actor for LearnerActor {
    type Msg = LearnerMessage;
    type State = Learner;
    type Arguments = Learner;

    async fn pre_start(
        &self,
        _myself: ActorRef<LearnerMessage>,
        learner: Learner,
    ) -> Result<Learner, ActorProcessingErr> {
        Ok(learner)
    }

    async fn handle(
        &self,
        myself: ActorRef<LearnerMessage>,
        message: LearnerMessage,
        learner: &mut Learner,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            LearnerMessage::Apply(apply) => on_apply(learner, apply),
            LearnerMessage::Read(read) => read(learner),
            LearnerMessage::Save(save) => on_save(learner, &save),
            LearnerMessage::Advance(advance) => on_advance(learner, &advance),
            LearnerMessage::Retire => myself.stop(None),
        }
        Ok(())
    }
}

fn on_apply(learner: &mut Learner, apply: Apply) {
    learner.prune(&apply.context);
    let mut corrected_windows = 0;
    let user_id: Box<str> = learner.user_id().into();
    let verdicts = apply
        .events
        .iter()
        .map(|encoded| {
            let (verdict, corrected) = apply_one(learner, &user_id, &apply.context, encoded);
            corrected_windows += corrected;
            verdict
        })
        .collect();
    let applied = GroupApplied {
        group: apply.group,
        verdicts,
        corrected_windows,
        last_event_ms: learner.last_event_ms(),
        memory_bytes: ACTOR_BYTES + EVENT_BYTES * learner.identities() as u64,
    };
    // The shard gave the channel room for every answer, and no longer listens only when the process ends.
    let _ = apply.reply.try_send(applied);
}

fn apply_one(
    learner: &mut Learner,
    user_id: &str,
    context: &EntryContext,
    encoded: &Bytes,
) -> (Verdict, usize) {
    let Ok(event) = Event::decode(user_id, encoded) else {
        return (Verdict::Refused(Reason::Poison), 0);
    };
    let applied = learner.apply(context, &event, encoded);
    let at = ReadPoint {
        watermark_ms: context.watermark_ms,
        event_clock_ms: event.timestamp_ms,
        floor_ms: context.floor_ms,
        allowed_lateness_ms: context.settings.allowed_lateness_ms,
    };
    let corrected = learner.corrected(&applied.touched_ms, context, &at).len();
    (applied.verdict, corrected)
}

fn on_save(learner: &mut Learner, save: &Save) {
    let saved = Saved { user_id: learner.user_id().into(), changes: learner.take_changes() };
    let _ = save.reply.try_send(saved);
}

fn on_advance(learner: &Learner, advance: &Advance) {
    let Advance { span, at, context, .. } = advance;
    let shapes = &context.settings.windows;
    let closed = learner.closings(span.from_ms, span.to_ms, shapes, at).len();
    let _ = advance.reply.try_send(closed);
}
