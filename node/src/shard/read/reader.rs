//! Reads of a shard, by consistency.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use homeroom_core::learner::{Learner, WindowQuery};
use parking_lot::Mutex;
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use crate::{
    learner::{
        self, BlockSource, LearnerMessage, LearnerRef, LoadError, Look, Seen, fetch_live, load,
    },
    raft::{Group, Replicated},
    shard::{residency::Directory, view::View},
    store::checkpoint::CheckpointStore,
};

/// How long a read waits for its consistency before it is answered with less, or refused.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Attempts of a read whose learner stops, or is stored, meanwhile.
const LOOKUPS_MAX: usize = 8;

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

/// A read has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The requested consistency was not met in time, and the caller refuses less.
    #[error("the asked consistency was not met within {WAIT_MAX:?}")]
    Stale,
    /// The learner's stored state can't be read.
    #[error("the learner's stored state can't be read: {0}")]
    Damaged(String),
    /// The shard is stopping.
    #[error("the shard is stopping")]
    Stopped,
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

    /// Reads a learner: what profiles show, and the windows of a query if there is one. `look`
    /// receives `None` for an unknown learner.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_learner<T, F>(
        &self,
        user_id: &str,
        options: ReadOptions,
        windows: Option<WindowQuery>,
        look: F,
    ) -> Result<Read<T>, ReadError>
    where
        T: Send + 'static,
        F: Fn(Option<&Learner>, &View) -> T + Clone + Send + 'static,
    {
        let (staleness, bound_met) = self.await_consistency(options).await?;
        let view = self.view();
        // Windows before the floor are neither read nor required.
        let windows = windows.map(|query| WindowQuery {
            from_ms: query.from_ms.max(Some(view.at.floor_ms)),
            ..query
        });
        let value = self.look_at(user_id, &view, windows, look).await?;
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
        let met = timeout(WAIT_MAX, self.reach(options.consistency))
            .await
            .ok()
            .flatten();
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

    async fn look_at<T, F>(
        &self,
        user_id: &str,
        view: &Arc<View>,
        windows: Option<WindowQuery>,
        look: F,
    ) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: Fn(Option<&Learner>, &View) -> T + Clone + Send + 'static,
    {
        let mut looked = Err(ReadError::Stopped);
        for _ in 0..LOOKUPS_MAX {
            let stored_up_to = self.store.position(self.shard).ok();
            let active = self.directory.get(user_id);
            let windows = windows.clone();
            let found = match &active {
                None => IncompleteLearner::Stored(user_id.to_owned(), windows),
                Some(learner) => {
                    match look_at_active(learner, view, windows, look.clone()).await {
                        // The learner has stopped.
                        None => continue,
                        Some(Ok(value)) => return Ok(value),
                        Some(Err(found)) => found,
                    }
                }
            };
            looked = self.look_with_blocks(found, view, look.clone()).await;
            // Records stored between two of the reads may be newer than those read before. That
            // happens to an active learner, and to one that was activated meanwhile and may be
            // passivated again.
            let is_as_before = self.store.position(self.shard).ok() == stored_up_to;
            if is_as_before && (active.is_some() || self.directory.get(user_id).is_none()) {
                return looked;
            }
        }
        looked
    }

    /// Runs `look` once the missing blocks are read.
    async fn look_with_blocks<T, F>(
        &self,
        found: IncompleteLearner,
        view: &Arc<View>,
        look: F,
    ) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: Fn(Option<&Learner>, &View) -> T + Send + 'static,
    {
        let (store, blocks, shard) = (self.store(), Arc::clone(&self.blocks), self.shard);
        let (view, views) = (Arc::clone(view), self.view.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let (mut learner, missing) = match found {
                IncompleteLearner::Copy(learner, missing) => (Some(*learner), missing),
                IncompleteLearner::Stored(user_id, windows) => {
                    let learner = load(&store, shard, &user_id)?.map(|stored| stored.learner);
                    let missing = learner.as_ref().zip(windows);
                    let missing = missing.map(|(learner, query)| learner.missing_for(&query));
                    (learner, missing.unwrap_or_default())
                }
            };
            if let Some(learner) = &mut learner {
                let floor_ms = || views.borrow().at.floor_ms;
                fetch_live(&*blocks, learner, &missing, floor_ms)?;
            }
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

/// A learner of which blocks may have to be read.
enum IncompleteLearner {
    /// Not active, so its state is as stored: it stopped only after that was durable. With the
    /// query's windows.
    Stored(String, Option<WindowQuery>),
    /// A copy of an active learner, and the blocks it lacks.
    Copy(Box<Learner>, Vec<i64>),
}

/// The answer, or the learner whose blocks must be read first; `None` when it has stopped.
async fn look_at_active<T, F>(
    learner: &LearnerRef,
    view: &Arc<View>,
    windows: Option<WindowQuery>,
    look: F,
) -> Option<Result<T, IncompleteLearner>>
where
    T: Send + 'static,
    F: Fn(Option<&Learner>, &View) -> T + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let view = Arc::clone(view);
    let look: Look = Box::new(move |seen| {
        let _ = answer.send(match seen {
            // A learner that was activated for an event that was then refused stays unknown.
            Seen::Whole(learner) => Ok(look(Some(learner).filter(|it| it.is_known()), &view)),
            Seen::Lacking(copy, missing) => Err(IncompleteLearner::Copy(copy, missing)),
        });
    });
    let read = LearnerMessage::Read(learner::Read { windows, look });
    learner.send(read).ok()?;
    answered.await.ok()
}
