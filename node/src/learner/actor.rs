//! The actor of one active learner.

use std::sync::Arc;

use bytes::Bytes;
use homeroom_core::{
    Event, Reason,
    learner::{Learner, Missing, StatePart, Verdict},
    shard::{EntryContext, ReadPoint},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::block_in_place;

use super::message::{Apply, GroupApplied, LearnerMessage, Read, Save, Saved};
use super::stored::{BlockSource, LoadError, Stored, fetch};

/// What an actor takes beside its learner, with its place in the directory: measured with idle actors, bytes.
pub const ACTOR_BYTES: u64 = 8_000;
/// What an event adds to its learner's memory, bytes: its identity, and its share of panes and facts.
const GROWTH_BYTES: u64 = 192;
/// What an event adds at most to its block as it is stored, beside its share, bytes.
const EVENT_BYTES: u64 = 96;
/// What a standing takes in the directory, bytes.
const STANDING_BYTES: u64 = 512;
/// A learner's records grow by at most so many times the bytes of an event: it may stand in the rings, in its session, its viewing and
/// its attempt.
const STORED_SHARE: u64 = 4;

/// Holds a [`Learner`] and does to it what the shard says, message by message.
pub struct LearnerActor;

/// The learner, and how large what there is to save of it can be.
pub struct Held {
    learner: Learner,
    /// Where its blocks are that are not in memory.
    blocks: Arc<dyn BlockSource>,
    /// Size of the head, and the newest block in it, when it was last saved or loaded, bytes.
    head_bytes: u64,
    /// The floor of the learner when its standings were last stored: courses behind it can't have changed since, ms.
    saved_floor_ms: i64,
    /// What the learner took in memory when it was last saved or loaded, and how many identities it had then, bytes.
    measured: (u64, usize),
    /// Blocks were read since it was measured.
    fetched: bool,
    /// What has come since can add to the head and the standings, bytes.
    grown_bytes: u64,
    /// So many of its courses the shard was told of.
    courses_told: usize,
}

impl Actor for LearnerActor {
    type Msg = LearnerMessage;
    type State = Held;
    type Arguments = (Stored, Arc<dyn BlockSource>);

    async fn pre_start(
        &self,
        _myself: ActorRef<LearnerMessage>,
        (stored, blocks): (Stored, Arc<dyn BlockSource>),
    ) -> Result<Held, ActorProcessingErr> {
        let learner = stored.learner;
        let courses_told = learner.courses();
        Ok(Held {
            courses_told,
            measured: measure(&learner),
            saved_floor_ms: if stored.standings_stored {
                learner.floor_ms()
            } else {
                i64::MIN
            },
            learner,
            blocks,
            head_bytes: stored.head_bytes,
            grown_bytes: 0,
            fetched: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<LearnerMessage>,
        message: LearnerMessage,
        held: &mut Held,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            LearnerMessage::Apply(apply) => on_apply(held, apply),
            LearnerMessage::Read(read) => on_read(held, read),
            LearnerMessage::Save(save) => on_save(held, &save),
            LearnerMessage::Retire => myself.stop(None),
        }
        Ok(())
    }
}

fn on_apply(held: &mut Held, apply: Apply) {
    held.learner.prune(&apply.context);
    let user_id: Box<str> = held.learner.user_id().into();
    let mut touched_ms = Vec::new();
    let verdicts: Result<_, LoadError> = apply
        .events
        .iter()
        .map(|encoded| apply_one(held, &user_id, &apply.context, encoded, &mut touched_ms))
        .collect();
    if std::mem::take(&mut held.fetched) {
        held.measured = measure(&held.learner);
    }
    let applied = verdicts.map(|verdicts| applied(held, &apply, verdicts, &touched_ms));
    apply.turn.answer(applied);
}

fn applied(
    held: &mut Held,
    apply: &Apply,
    verdicts: Vec<Verdict>,
    touched_ms: &[i64],
) -> GroupApplied {
    let learner = &held.learner;
    let corrected = learner.corrected(touched_ms, &apply.context, &before(&apply.context));
    let events_bytes: usize = apply.events.iter().map(bytes::Bytes::len).sum();
    held.grown_bytes +=
        STORED_SHARE * events_bytes as u64 + EVENT_BYTES * apply.events.len() as u64;
    let joined: Vec<Box<str>> = learner.course_ids_from(held.courses_told).collect();
    held.courses_told += joined.len();
    GroupApplied {
        verdicts,
        joined,
        corrected_windows: corrected.len(),
        last_event_ms: learner.last_event_ms(),
        unsaved_bytes: held.head_bytes + held.grown_bytes + learner.unsaved_apart_bytes(),
        memory_bytes: memory_bytes(learner, held.measured),
    }
}

/// Looks at the learner, or at a copy with what has to be read for it. The learner itself stays as it is: what leaves the memory has to
/// be durable, which is known only when it is saved the next time.
fn on_read(held: &Held, Read { windows, look }: Read) {
    let missing = windows.map_or(Vec::new(), |query| held.learner.missing_for(&query));
    if missing.is_empty() {
        return look(Ok(&held.learner));
    }
    let mut whole = held.learner.clone();
    match block_in_place(|| fetch(&*held.blocks, &mut whole, &missing)) {
        Ok(()) => look(Ok(&whole)),
        Err(error) => look(Err(error)),
    }
}

/// What a learner takes with its actor, bytes: takes as long as to measure it.
pub fn memory_of(learner: &Learner) -> u64 {
    memory_bytes(learner, measure(learner))
}

fn measure(learner: &Learner) -> (u64, usize) {
    (learner.memory_bytes() as u64, learner.identities())
}

/// To measure takes too long for every entry: since the last time it grew by its events.
fn memory_bytes(learner: &Learner, (measured, identities): (u64, usize)) -> u64 {
    let since = learner.identities().saturating_sub(identities) as u64;
    let courses = learner.courses() as u64;
    ACTOR_BYTES + measured + GROWTH_BYTES * since + STANDING_BYTES * courses
}

fn apply_one(
    held: &mut Held,
    user_id: &str,
    context: &EntryContext,
    encoded: &Bytes,
    touched_ms: &mut Vec<i64>,
) -> Result<Verdict, LoadError> {
    let Ok(event) = Event::decode(user_id, encoded) else {
        return Ok(Verdict::Refused(Reason::Poison));
    };
    loop {
        match held.learner.apply(context, &event, encoded) {
            Ok(applied) => {
                touched_ms.extend(applied.touched_ms);
                return Ok(applied.verdict);
            }
            Err(Missing(blocks)) => {
                block_in_place(|| fetch(&*held.blocks, &mut held.learner, &blocks))?;
                held.fetched = true;
            }
        }
    }
}

/// The shard as it was before the entry: what windows had been emitted by then.
fn before(context: &EntryContext) -> ReadPoint {
    ReadPoint {
        watermark_ms: context.watermark_ms,
        event_clock_ms: context.watermark_ms,
        floor_ms: context.floor_ms,
        allowed_lateness_ms: context.settings.allowed_lateness_ms,
    }
}

fn on_save(held: &mut Held, save: &Save) {
    // Of whom nothing was accepted nothing is stored either: made-up names take no room for ever.
    let leaves = save.standings && held.learner.is_known();
    let standings = leaves.then(|| changed_standings(held));
    // Of what was saved before all is durable.
    held.learner.let_go();
    let changes = held.learner.take_changes(leaves);
    let head = changes.iter().find(|change| change.part == StatePart::Head);
    if let Some(bytes) = head.and_then(|head| head.bytes.as_ref()) {
        held.head_bytes = bytes.len() as u64;
    }
    held.grown_bytes = 0;
    held.measured = measure(&held.learner);
    let saved = Saved {
        user_id: held.learner.user_id().into(),
        changes,
        standings,
    };
    let _ = save.reply.try_send(saved);
}

/// As they are to be written.
fn changed_standings(held: &mut Held) -> Vec<(Box<str>, Vec<u8>)> {
    let learner = &held.learner;
    let standings: Vec<(Box<str>, Vec<u8>)> = learner
        .standings_since(held.saved_floor_ms)
        .map(|(course_id, standing)| (course_id, standing.encode()))
        .collect();
    held.saved_floor_ms = learner.floor_ms();
    standings
}

#[cfg(test)]
mod tests {
    use ractor::Actor;
    use tokio::sync::mpsc;

    use super::*;
    use crate::learner::Nowhere;

    #[tokio::test]
    async fn of_whom_nothing_was_accepted_nothing_is_stored() {
        let begun = (Stored::nothing_of("made-up"), Arc::new(Nowhere) as _);
        let spawned = Actor::spawn(None, LearnerActor, begun).await;
        let (actor, _ended) = spawned.expect("an actor");
        let (reply, mut saved) = mpsc::channel(1);
        let save = Save {
            standings: true,
            reply,
        };
        let sent = actor.send_message(LearnerMessage::Save(save));
        sent.expect("the actor lives");
        let saved = saved.recv().await.expect("an answer");
        assert!(saved.changes.is_empty() && saved.standings.is_none());
    }
}
