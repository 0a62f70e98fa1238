//! Reads of a shard, by consistency.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use homeroom_core::learner::Learner;
use parking_lot::Mutex;
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use super::{
    WindowReader,
    read_error::{LOOKUPS_MAX, ReadError, WAIT_MAX},
};
use crate::{
    learner::{self, BlockSource, LearnerMessage, LearnerRef, LoadError, Look, load},
    raft::{Group, Replicated},
    shard::{residency::Directory, view::View},
    store::checkpoint::CheckpointStore,
};

/// How current an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Includes every write acknowledged before the read began.
    Linearizable,
    /// At least at this index of the shard.
    Session(u64),
    /// At most this old.
    Bounded(Duration),
    /// Whatever this replica has.
    Any,
}

/// How to read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// How current the answer must be.
    pub consistency: Consistency,
    /// Refuse instead of answering with less.
    pub fail_when_stale: bool,
}

/// An answer, with how current it is.
#[derive(Clone, Debug)]
pub struct Read<T> {
    /// The answer.
    pub value: T,
    /// The shard the answer was read from.
    pub view: Arc<View>,
    /// The answer includes everything acknowledged up to this long before it was given.
    pub staleness: Duration,
    /// Whether the requested consistency was met.
    pub bound_met: bool,
}

/// When a quorum last confirmed that everything acknowledged is applied here: the instant at which
/// that was requested.
#[derive(Debug, Default)]
struct Confirmations(Mutex<Option<Instant>>);

impl Confirmations {
    fn newest(&self) -> Option<Instant> {
        *self.0.lock()
    }

    fn note(&self, asked: Instant) {
        let mut newest = self.0.lock();
        *newest = (*newest).max(Some(asked));
    }
}

/// Reads of a shard's replica.
pub struct ShardReader<R: Replicated> {
    pub(super) shard: u16,
    group: Arc<Group<R>>,
    store: Arc<CheckpointStore>,
    blocks: Arc<dyn BlockSource>,
    pub(super) directory: Directory,
    view: watch::Receiver<Arc<View>>,
    confirmations: Confirmations,
    started: Instant,
}

impl<R: Replicated> ShardReader<R> {
    /// A reader over a group's replica, its active and its stored learners.
    pub fn new(
        group: Arc<Group<R>>,
        store: Arc<CheckpointStore>,
        blocks: Arc<dyn BlockSource>,
        directory: Directory,
        view: watch::Receiver<Arc<View>>,
    ) -> Self {
        Self {
            shard: group.id(),
            group,
            store,
            blocks,
            directory,
            view,
            confirmations: Confirmations::default(),
            started: Instant::now(),
        }
    }

    /// The shard as of its newest applied entry.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    pub(super) fn store(&self) -> Arc<CheckpointStore> {
        Arc::clone(&self.store)
    }

    /// Reads windows, on threads that may block.
    pub fn windows(&self) -> WindowReader {
        WindowReader {
            shard: self.shard,
            store: self.store(),
            blocks: Arc::clone(&self.blocks),
            directory: self.directory.clone(),
            view: self.view.clone(),
        }
    }

    /// Reads what profiles show of a learner. `look` receives `None` for an unknown learner.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_learner<T, F>(
        &self,
        user_id: &str,
        options: ReadOptions,
        look: F,
    ) -> Result<Read<T>, ReadError>
    where
        T: Send + 'static,
        F: Fn(Option<&Learner>, &View) -> T + Clone + Send + 'static,
    {
        let (staleness, bound_met) = self.await_consistency(options).await?;
        let view = self.view();
        let value = self.look_at(user_id, &view, look).await?;
        Ok(Read {
            value,
            view,
            staleness: staleness.elapsed(),
            bound_met,
        })
    }

    /// Waits until this replica is as current as requested. Returns the instant up to which
    /// everything acknowledged is included, and whether the consistency was met.
    pub async fn await_consistency(
        &self,
        options: ReadOptions,
    ) -> Result<(Instant, bool), ReadError> {
        self.check_alive()?;
        let met = timeout(WAIT_MAX, self.reach(options.consistency))
            .await
            .ok()
            .flatten();
        self.check_alive()?;
        let known = met.or_else(|| self.applied_confirmation());
        match met {
            None if options.fail_when_stale => Err(ReadError::Stale),
            _ => Ok((known.unwrap_or(self.started), met.is_some())),
        }
    }

    /// How stale an answer given now may be: everything acknowledged longer ago than this is
    /// included.
    pub fn staleness(&self) -> Duration {
        self.applied_confirmation()
            .unwrap_or(self.started)
            .elapsed()
    }

    /// A failed replica may have applied half an entry.
    fn check_alive(&self) -> Result<(), ReadError> {
        self.group
            .failed()
            .map_or(Ok(()), |why| Err(ReadError::Failed(why)))
    }

    /// `None` when it can't be reached.
    async fn reach(&self, consistency: Consistency) -> Option<Instant> {
        match consistency {
            Consistency::Linearizable => self.confirm().await,
            Consistency::Bounded(bound) => match self.applied_confirmation() {
                Some(asked) if asked.elapsed() <= bound => Some(asked),
                _ => self.confirm().await,
            },
            Consistency::Session(index) => {
                self.applied(index).await?;
                Some(self.applied_confirmation().unwrap_or(self.started))
            }
            Consistency::Any => Some(self.applied_confirmation().unwrap_or(self.started)),
        }
    }

    /// Lets a quorum confirm the index of everything acknowledged, and waits until it is applied.
    async fn confirm(&self) -> Option<Instant> {
        let asked = Instant::now();
        let index = self.group.read_index().await.ok()?;
        self.applied(index).await?;
        self.confirmations.note(asked);
        Some(asked)
    }

    /// When the newest confirmation was requested. It is noted only once everything it covers is
    /// applied.
    fn applied_confirmation(&self) -> Option<Instant> {
        self.confirmations.newest()
    }

    /// `None` when the shard stops before.
    async fn applied(&self, index: u64) -> Option<()> {
        self.group.applied(index).await.ok()
    }

    async fn look_at<T, F>(&self, user_id: &str, view: &Arc<View>, look: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: Fn(Option<&Learner>, &View) -> T + Clone + Send + 'static,
    {
        let mut looked = Err(ReadError::Stopped);
        for _ in 0..LOOKUPS_MAX {
            let stored_up_to = self.store.position(self.shard).ok();
            if let Some(active) = self.directory.get(user_id) {
                match look_at_active(&active, view, look.clone()).await {
                    // The learner has stopped.
                    None => continue,
                    Some(value) => return Ok(value),
                }
            }
            // Not active, so its state is as stored: it stopped only after that was durable.
            looked = self.look_at_stored(user_id, view, look.clone()).await;
            // Records stored between two of the reads may be newer than those read before, when a
            // learner was activated meanwhile and may be passivated again.
            let is_as_before = self.store.position(self.shard).ok() == stored_up_to;
            if is_as_before && self.directory.get(user_id).is_none() {
                return looked;
            }
        }
        looked
    }

    async fn look_at_stored<T, F>(
        &self,
        user_id: &str,
        view: &Arc<View>,
        look: F,
    ) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: Fn(Option<&Learner>, &View) -> T + Send + 'static,
    {
        let (store, shard) = (self.store(), self.shard);
        let (view, user_id) = (Arc::clone(view), user_id.to_owned());
        let looked = tokio::task::spawn_blocking(move || {
            let learner = load(&store, shard, &user_id)?.map(|stored| stored.learner);
            let learner = learner.as_ref().filter(|learner| learner.is_known());
            Ok::<T, LoadError>(look(learner, &view))
        });
        match looked.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(ReadError::Damaged(error.to_string())),
            Err(_) => Err(ReadError::Stopped),
        }
    }
}

/// The answer; `None` when the learner has stopped.
async fn look_at_active<T, F>(learner: &LearnerRef, view: &Arc<View>, look: F) -> Option<T>
where
    T: Send + 'static,
    F: Fn(Option<&Learner>, &View) -> T + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let view = Arc::clone(view);
    let look: Look = Box::new(move |learner| {
        // A learner that was activated for an event that was then refused stays unknown.
        let _ = answer.send(look(Some(learner).filter(|it| it.is_known()), &view));
    });
    let read = LearnerMessage::Read(learner::Read { look });
    learner.send(read).ok()?;
    answered.await.ok()
}
