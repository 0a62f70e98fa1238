//! A reference to an active learner. A message is handled by the sender at once when the actor is
//! at rest; otherwise it is queued in the actor's mailbox.

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

/// Sends messages to a learner's actor.
///
/// Invariants: one message at a time is handled. Messages sent one after the other are handled in
/// that order, whatever task sends them: [`Self::try_lock`] fails while an earlier message is
/// queued. The owner of the lock waits only for the disk.
#[derive(Clone)]
pub struct LearnerRef(Arc<Shared>);

#[repr(C)]
struct Shared {
    /// Number of queued messages. Next to the lock, since both are read first.
    waiting: AtomicUsize,
    /// `None` once the learner has retired.
    resident: Mutex<Option<ResidentLearner>>,
    /// Set before the reference is shared.
    mailbox: OnceLock<ActorRef<LearnerMessage>>,
}

/// The learner has retired. The directory knows whether it is active again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the learner has retired")]
pub struct Retired;

/// Whether an actor continues.
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
    /// Spawns a learner's actor, linked to `supervisor`.
    ///
    /// # Errors
    /// When the supervisor has stopped.
    pub async fn spawn(resident: ResidentLearner, supervisor: ActorCell) -> Result<Self, SpawnErr> {
        let learner = Self::of(resident);
        // The supervisor watches the task, which ends with `Retire`.
        let (_actor, _task) =
            Actor::spawn_linked(None, LearnerActor, learner.clone(), supervisor).await?;
        Ok(learner)
    }

    /// With an actor without a supervisor.
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

    /// Sets the mailbox for messages that must wait.
    fn set_mailbox(&self, mailbox: ActorRef<LearnerMessage>) {
        // An actor starts once.
        let _ = self.0.mailbox.set(mailbox);
    }

    /// Whether it could be locked now. That may change at any moment.
    pub fn is_at_rest(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) == 0 && !self.0.resident.is_locked()
    }

    /// Prefetches what [`Self::try_lock`] needs.
    pub fn prefetch(&self) {
        black_box(self.is_at_rest());
    }

    /// Locks the learner if no operation is in progress and no message is queued. Messages are
    /// queued until the guard is dropped.
    pub fn try_lock(&self) -> Option<MappedMutexGuard<'_, ResidentLearner>> {
        let resident = self.0.resident.try_lock()?;
        // A message queued earlier is handled first.
        if self.0.waiting.load(Ordering::Acquire) > 0 {
            return None;
        }
        MutexGuard::try_map(resident, Option::as_mut).ok()
    }

    /// Sends a message. When this returns it has been handled or is queued.
    ///
    /// # Errors
    /// When the learner has retired. A message that is queued behind `Retire` is dropped.
    pub fn send(&self, message: LearnerMessage) -> Result<(), Retired> {
        // `Retire` is handled in the actor's task, which ends with it.
        let is_last = matches!(message, LearnerMessage::Retire);
        match self.try_lock().filter(|_| !is_last) {
            Some(mut resident) => {
                handle(&mut resident, message);
                Ok(())
            }
            None => self.enqueue(message),
        }
    }

    /// Queues a message in the mailbox in any case, without blocking.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn enqueue(&self, message: LearnerMessage) -> Result<(), Retired> {
        let mailbox = self.0.mailbox.get().ok_or(Retired)?;
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        // After `Retire` the count is no longer read.
        mailbox.send_message(message).map_err(|_| Retired)
    }

    /// Handles a message from the mailbox.
    fn handle_queued(&self, message: LearnerMessage) -> Next {
        // The lock's owner may be waiting for the disk. Other tasks move to another thread
        // meanwhile.
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
        // Before the lock is released, so that others see exactly what is still queued.
        self.0.waiting.fetch_sub(1, Ordering::Release);
        Next::Goes
    }
}

fn handle(resident: &mut ResidentLearner, message: LearnerMessage) {
    match message {
        // Events that need a block from the disk are rare, and the entry has to wait for them in
        // any case.
        LearnerMessage::Apply(apply) => {
            let events = apply.events.iter().map(|encoded| &**encoded);
            let user_id = resident.user_id().to_owned();
            let applied = resident.apply(&user_id, &apply.context, events, apply.durable_index);
            apply.answer.send(applied);
        }
        LearnerMessage::Read(read) => resident.read(read),
        LearnerMessage::Save(save) => resident.save(&save),
        // Only from the mailbox, behind everything queued before.
        LearnerMessage::Retire => {}
    }
}

/// The actor of a [`Learner`](homeroom_core::learner::Learner). It handles only queued messages;
/// others are handled where they are sent.
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
