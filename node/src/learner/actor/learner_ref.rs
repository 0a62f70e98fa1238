//! Where a learner is reached. A message is handled at once, by whoever sends it, when the actor is at rest; otherwise it waits in the
//! actor's mailbox.

use std::{
    fmt,
    hint::black_box,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::task::block_in_place;

use super::{message::LearnerMessage, resident_learner::ResidentLearner};

/// A learner's actor, to send messages to.
///
/// Invariants: one message at a time is handled; messages that are sent one after the other are handled in this order, whoever sends
/// them: nobody [locks it](Self::try_lock) while an earlier one waits. Whoever has entered waits for nothing but the disk before he
/// leaves.
#[derive(Clone)]
pub struct LearnerRef(Arc<Shared>);

#[repr(C)]
struct Shared {
    /// Messages that were left and are not handled yet. Beside the lock: both are needed first.
    waiting: AtomicUsize,
    /// Nothing any more once the learner has retired.
    resident: Mutex<Option<ResidentLearner>>,
    /// Set before anybody else knows of the learner.
    mailbox: OnceLock<ActorRef<LearnerMessage>>,
}

/// The learner has retired; whether it is active again the directory knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the learner has retired")]
pub struct Retired;

/// Whether an actor goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Goes,
    Stops,
}

impl fmt::Debug for LearnerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearnerRef").finish_non_exhaustive()
    }
}

impl LearnerRef {
    /// Gives a learner its actor, which `supervisor` sees fail.
    ///
    /// # Errors
    /// When the supervisor has stopped.
    pub async fn spawn(resident: ResidentLearner, supervisor: ActorCell) -> Result<Self, SpawnErr> {
        let learner = Self::of(resident);
        // Its task is the supervisor's to watch, and ends with `Retire`.
        let (_actor, _task) =
            Actor::spawn_linked(None, LearnerActor, learner.clone(), supervisor).await?;
        Ok(learner)
    }

    /// With an actor that nobody supervises.
    #[cfg(test)]
    pub async fn unsupervised(resident: ResidentLearner) -> Self {
        let learner = Self::of(resident);
        let spawned = Actor::spawn(None, LearnerActor, learner.clone()).await;
        spawned.expect("an actor");
        learner
    }

    fn of(resident: ResidentLearner) -> Self {
        Self(Arc::new(Shared {
            waiting: AtomicUsize::new(0),
            resident: Mutex::new(Some(resident)),
            mailbox: OnceLock::new(),
        }))
    }

    /// Notes where its messages can wait.
    fn set_mailbox(&self, mailbox: ActorRef<LearnerMessage>) {
        // An actor starts once.
        let _ = self.0.mailbox.set(mailbox);
    }

    /// Whether it could be locked; that may change at any moment.
    pub fn is_at_rest(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) == 0 && !self.0.resident.is_locked()
    }

    /// Has the processor fetch what [`Self::try_lock`] needs.
    pub fn prefetch(&self) {
        black_box(self.is_at_rest());
    }

    /// To the learner itself, when nobody is with it and no message waits. Others' messages wait until the guard is gone.
    pub fn try_lock(&self) -> Option<MappedMutexGuard<'_, ResidentLearner>> {
        let resident = self.0.resident.try_lock()?;
        // What was left before is to be handled before.
        if self.0.waiting.load(Ordering::Acquire) > 0 {
            return None;
        }
        MutexGuard::try_map(resident, Option::as_mut).ok()
    }

    /// Sends a message: it is handled when this returns, or waits for its turn.
    ///
    /// # Errors
    /// When the learner has retired. A message that finds it retired in its turn is dropped.
    pub fn send(&self, message: LearnerMessage) -> Result<(), Retired> {
        // One retires in its actor's task, which ends with it.
        let is_last = matches!(message, LearnerMessage::Retire);
        match self.try_lock().filter(|_| !is_last) {
            Some(mut resident) => {
                handle(&mut resident, message);
                Ok(())
            }
            None => self.enqueue(message),
        }
    }

    /// Leaves a message in the mailbox, in any case: takes no time.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn enqueue(&self, message: LearnerMessage) -> Result<(), Retired> {
        let mailbox = self.0.mailbox.get().ok_or(Retired)?;
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        // Of one that has retired the count is of no use any more.
        mailbox.send_message(message).map_err(|_| Retired)
    }

    /// Handles a message from the mailbox.
    fn handle_queued(&self, message: LearnerMessage) -> Next {
        // Who is inside may be waiting for the disk: others' tasks move to another thread meanwhile.
        let inside = self.0.resident.try_lock();
        let mut inside = inside.unwrap_or_else(|| block_in_place(|| self.0.resident.lock()));
        let Some(resident) = &mut *inside else {
            return Next::Stops;
        };
        if matches!(message, LearnerMessage::Retire) {
            *inside = None;
            return Next::Stops;
        }
        handle(resident, message);
        // Before others can enter: they are to see what still waits, and nothing else.
        self.0.waiting.fetch_sub(1, Ordering::Release);
        Next::Goes
    }
}

fn handle(resident: &mut ResidentLearner, message: LearnerMessage) {
    match message {
        // Those that need a block from the disk are rare, and entries wait for them either way.
        LearnerMessage::Apply(apply) => {
            let events = apply.events.iter().map(|encoded| &**encoded);
            let user_id = resident.user_id().to_owned();
            let applied = resident.apply(&user_id, &apply.context, events, apply.durable_index);
            apply.answer.send(applied);
        }
        LearnerMessage::Read(read) => resident.read(read),
        LearnerMessage::Save(save) => resident.save(&save),
        // Only from the mailbox, behind all that was left before.
        LearnerMessage::Retire => {}
    }
}

/// Holds a [`Learner`](homeroom_core::learner::Learner) and does to it what the shard says, message by message. Messages that find it
/// at rest are handled where they are sent; its own task handles those that had to wait.
struct LearnerActor;

impl Actor for LearnerActor {
    type Msg = LearnerMessage;
    type State = LearnerRef;
    type Arguments = LearnerRef;

    async fn pre_start(
        &self,
        myself: ActorRef<LearnerMessage>,
        learner: LearnerRef,
    ) -> Result<LearnerRef, ActorProcessingErr> {
        learner.set_mailbox(myself);
        Ok(learner)
    }

    async fn handle(
        &self,
        myself: ActorRef<LearnerMessage>,
        message: LearnerMessage,
        learner: &mut LearnerRef,
    ) -> Result<(), ActorProcessingErr> {
        if learner.handle_queued(message) == Next::Stops {
            myself.stop(None);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "learner_ref_tests.rs"]
mod tests;
