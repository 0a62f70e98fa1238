//! Reads of a shard, by how current they have to be.

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

/// How long a read waits for what it asked for before it is answered with less, or refused.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// A learner that stops, or is stored, while it is asked is asked for again, so many times.
const LOOKUPS_MAX: usize = 8;

/// How current an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Sees every write acknowledged before the read began.
    Linearizable,
    /// At least at this position of the shard.
    Session(u64),
    /// At most this old.
    Bounded(Duration),
    /// Whatever there is.
    Any,
}

/// How a read is to be done.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// How current the answer has to be.
    pub consistency: Consistency,
    /// Refuse rather than answer with less.
    pub fail_when_stale: bool,
}

/// An answer, with how current it is.
#[derive(Clone, Debug)]
pub struct Read<T> {
    /// The answer.
    pub value: T,
    /// The shard the answer was read from.
    pub view: Arc<View>,
    /// The answer holds everything acknowledged up to this long before it was given.
    pub staleness: Duration,
    /// Whether the asked consistency was met.
    pub bound_met: bool,
}

/// A read has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The asked consistency was not met in time, and less was not wanted.
    #[error("the asked consistency was not met within {WAIT_MAX:?}")]
    Stale,
    /// What is stored of the learner can't be read.
    #[error("the learner's stored state can't be read: {0}")]
    Damaged(String),
    /// The shard is stopping.
    #[error("the shard is stopping")]
    Stopped,
}

/// When what is applied here was last confirmed by a quorum to be all that had been acknowledged: the moment of asking.
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
    /// A reader of what a group's replica holds, shows and has stored.
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

    /// Looks at a learner, at what profiles show of it, and at the windows of a query, if there is one; `None` goes to `look` for one that nothing is known of.
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
        // Nothing before the floor is looked at, nor need it be there.
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

    /// Waits until this replica is as current as asked. Answers with the instant up to which everything acknowledged is in.
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

    /// How old an answer read now may be: everything acknowledged longer ago than this is in.
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

    /// Has a quorum confirm up to where the shard is, and applies that far.
    async fn confirm(&self) -> Option<Instant> {
        let asked = Instant::now();
        let index = self.group.read_index().await.ok()?;
        self.applied(index).await?;
        self.confirmations.note(asked);
        Some(asked)
    }

    /// When the newest confirmation was asked for. One is noted only after what it covers is applied here.
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
                        // It has stopped.
                        None => continue,
                        Some(Ok(value)) => return Ok(value),
                        Some(Err(found)) => found,
                    }
                }
            };
            looked = self.look_with_blocks(found, view, look.clone()).await;
            // What was stored while it was read, record by record, may be newer than what was read before: of one who is active, and of one
            // who was woken meanwhile, and may even be asleep again.
            let is_as_before = self.store.position(self.shard).ok() == stored_up_to;
            if is_as_before && (active.is_some() || self.directory.get(user_id).is_none()) {
                return looked;
            }
        }
        looked
    }

    /// Looks at what was found once the blocks are there that it lacks.
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

/// A learner of whom blocks may have to be read.
enum IncompleteLearner {
    /// Without an actor it is exactly as it is stored: it stopped only after its state was durable. With the windows that are looked at.
    Stored(String, Option<WindowQuery>),
    /// Of an active one, and what it lacks.
    Copy(Box<Learner>, Vec<i64>),
}

/// What was seen, or what is to be looked at once its blocks are read; `None` when the learner has stopped.
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
            // A learner that was woken for an event that was then refused is as unknown as before.
            Seen::Whole(learner) => Ok(look(Some(learner).filter(|it| it.is_known()), &view)),
            Seen::Lacking(copy, missing) => Err(IncompleteLearner::Copy(copy, missing)),
        });
    });
    let read = LearnerMessage::Read(learner::Read { windows, look });
    learner.send(read).ok()?;
    answered.await.ok()
}
