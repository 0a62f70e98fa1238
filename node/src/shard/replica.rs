//! A shard's replica on this node, with its tasks.

use std::sync::{Arc, atomic::AtomicBool};

use homeroom_core::{
    DeadLetterUpdate, Settings,
    entry::{encode_dead_letter_update, encode_settings, encode_tick},
    shard::ShardState,
};
use ractor::ActorCell;
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    apply::{ShardMachine, Watch, Watchers},
    checkpoint::Sweeper,
    events::ShardEvents,
    propose::{BatchLimits, Leading, Part},
    read::ShardReader,
    residency::{Directory, LearnerMemory, ShardBlocks},
    slicer::Slicer,
    view::{View, ViewPublisher, Views},
};
use crate::{
    clock::LogClock,
    learner::{BlockSource, RecoveredLearners},
    raft::{Group, GroupConfig, GroupResources, Leadership, ProposeError, StartError},
    store::{Background, checkpoint::CheckpointStore},
};

/// Parts that may wait for a shard's batcher. The node's queue bounds their bytes.
const PARTS_QUEUED: usize = 4_096;

/// Everything a shard's replica is started with.
pub struct ShardSetup {
    /// Its Raft group.
    pub group: GroupConfig,
    /// Resources shared by the groups of the node.
    pub resources: GroupResources,
    /// The stored records of its learners.
    pub store: Arc<CheckpointStore>,
    /// Runs scans of the store.
    pub background: Background,
    /// Learners that were found active in the store.
    pub recovered: Arc<RecoveredLearners>,
    /// Supervises its learners.
    pub supervisor: ActorCell,
    /// Counts what happens.
    pub events: Arc<dyn ShardEvents>,
    /// Memory of all learners of the node.
    pub memory: Arc<LearnerMemory>,
    /// A learner untouched for this long may be stopped, ms of log time.
    pub passivate_after_ms: i64,
    /// Bounds of an entry.
    pub limits: BatchLimits,
    /// Shared by all shards of the node.
    pub slicer: Slicer,
    /// Its log time; without an anchor yet.
    pub clock: Arc<LogClock>,
}

/// A shard's replica.
pub struct ShardReplica {
    group: Arc<Group<ShardMachine>>,
    reader: ShardReader<ShardMachine>,
    directory: Directory,
    slicer: Slicer,
    watchers: Watchers,
    parts: mpsc::Sender<Part>,
    view: watch::Receiver<Arc<View>>,
    clock: Arc<LogClock>,
}

impl ShardReplica {
    /// Starts the shard's group, and spawns its tasks in `tasks`; they end when `stop` is cancelled
    /// and everything submitted is applied. The state is loaded meanwhile; see
    /// [`ready`](Self::ready).
    ///
    /// # Errors
    /// When the state can't be read, or the group does not start.
    pub async fn start(
        setup: ShardSetup,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, StartError> {
        let (shard, store, clock) = (setup.group.id, setup.store, setup.clock);
        let state = ShardState::new(Settings::default());
        let directory = Directory::new(setup.memory);
        let watchers = Watchers::default();
        let (views, Views { view, due }) =
            ViewPublisher::new(View::of(&state, 0), Arc::clone(&clock));
        let blocks: Arc<dyn BlockSource> = Arc::new(ShardBlocks {
            shard,
            store: Arc::clone(&store),
            events: Arc::clone(&setup.events),
        });
        let leads = Arc::new(AtomicBool::new(false));
        let machine = ShardMachine {
            shard,
            state,
            directory: directory.clone(),
            store: Arc::clone(&store),
            blocks: Arc::clone(&blocks),
            views,
            watchers: watchers.clone(),
            supervisor: setup.supervisor,
            events: setup.events,
            leads: Arc::clone(&leads),
            passivate_after_ms: setup.passivate_after_ms,
            sweeper: Sweeper::new(Arc::clone(&store), setup.background, shard),
            recovered: setup.recovered,
            unpacking: Vec::new(),
            slicer: setup.slicer.clone(),
            changed: Vec::new(),
        };
        let group = Group::start(setup.group, setup.resources, Arc::clone(&clock), machine).await?;
        let (parts, queue) = mpsc::channel(PARTS_QUEUED);
        let (readers, views) = (directory.clone(), view.clone());
        let replica = Self {
            reader: ShardReader::new(Arc::clone(&group), store, blocks, readers, views),
            group,
            directory,
            slicer: setup.slicer,
            watchers,
            parts,
            view,
            clock,
        };
        let leading = Leading {
            group: Arc::clone(&replica.group),
            clock: Arc::clone(&replica.clock),
            parts: queue,
            due,
            limits: setup.limits,
            leads,
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        tasks.spawn(leading.run());
        Ok(replica)
    }

    /// Returns once the shard's state is loaded. With this replica as its only voter it then leads,
    /// has applied what was in its log, and takes events.
    ///
    /// # Errors
    /// When the replica ends before.
    pub async fn ready(&self) -> Result<(), StartError> {
        self.group.ready().await?;
        if self.group.voters().len() == 1 && self.leadership().leads {
            tokio::select! {
                () = self.clock.anchored() => {}
                _ = self.group.ended() => {}
            }
        }
        Ok(())
    }

    /// The shard's number.
    pub fn shard(&self) -> u16 {
        self.group.id()
    }

    /// Who leads the shard, as this replica knows it. Waits for nothing.
    pub fn leadership(&self) -> Leadership {
        self.group.leadership()
    }

    /// Receives each change of the leadership. A short one may be missed.
    pub fn leaderships(&self) -> watch::Receiver<Leadership> {
        self.group.leaderships()
    }

    /// Why the replica on this node has ended by itself; `None` while it runs.
    pub fn failed(&self) -> Option<Arc<str>> {
        self.group.failed()
    }

    /// Returns once the replica on this node has ended by itself, or the node stops.
    pub async fn until_failed(&self) {
        self.group.ended().await;
    }

    /// The shard as of its newest applied entry.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// Its log clock; log time now is what the next entry is stamped with.
    pub fn clock(&self) -> &LogClock {
        &self.clock
    }

    /// # Errors
    /// Without log time: then this replica does not lead, or not yet.
    fn log_now_ms(&self) -> Result<i64, ProposeError> {
        self.clock.now_ms().ok_or(ProposeError::NotLeader)
    }

    /// Receives every new view.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// Accepts parts to propose.
    pub fn parts(&self) -> &mpsc::Sender<Part> {
        &self.parts
    }

    /// Reads learners and courses.
    pub fn reader(&self) -> &ShardReader<ShardMachine> {
        &self.reader
    }

    /// Its Raft group.
    pub fn group(&self) -> &Arc<Group<ShardMachine>> {
        &self.group
    }

    /// Watches a learner.
    pub fn watch(&self, user_id: &str) -> Watch {
        self.watchers.watch(user_id)
    }

    /// Number of learners with an actor.
    pub fn active_learners(&self) -> usize {
        self.directory.len()
    }

    /// Proposes settings, unless the shard already uses them or newer ones. Of the same version it
    /// takes the control plane's: the build before may have read its log otherwise.
    ///
    /// # Errors
    /// When the group has stopped, or this replica does not lead.
    pub async fn adopt(&self, settings: &Settings) -> Result<(), ProposeError> {
        let present = self
            .group
            .inspect(|machine| Arc::clone(machine.state.settings()))
            .await;
        let never = self.view().applied_index == 0;
        let has_them = present.version > settings.version || *present == *settings;
        if has_them && !never {
            return Ok(());
        }
        let entry = encode_settings(self.log_now_ms()?, settings);
        match self.group.propose(entry.into()).await {
            // It takes no events that they could matter for. The others adopt them.
            Err(ProposeError::Sealed(_)) => Ok(()),
            proposed => proposed.map(drop),
        }
    }

    /// Applies an update of kept dead letters on every replica. It is durable when this returns.
    ///
    /// # Errors
    /// When the group has stopped (the update may or may not be in the log), or this replica does
    /// not lead.
    pub async fn update_dead_letters(&self, work: &DeadLetterUpdate) -> Result<(), ProposeError> {
        let entry = encode_dead_letter_update(self.log_now_ms()?, work);
        self.group.propose(entry.into()).await.map(drop)
    }

    /// Stops learners that no entry has touched for long and whose state is durable. When memory is
    /// short, also those that are idle and least recently touched. Returns whether more can be
    /// stopped once a checkpoint has stored them.
    pub async fn passivate(&self) -> bool {
        let Some(now_ms) = self.clock.now_ms() else {
            return false;
        };
        let some_wait = self
            .group
            .inspect(|machine| machine.passivate(now_ms))
            .await;
        // A checkpoint needs a new entry, and an idle shard has none.
        if some_wait && self.group.bytes_since_capture().await == 0 {
            let tick = encode_tick(now_ms);
            if let Err(error) = self.group.propose(tick.into()).await {
                tracing::debug!(%error, "a tick was not written");
            }
        }
        some_wait
    }

    /// Evicts what is durable and need not be in memory, of all learners.
    pub async fn evict_blocks(&self) {
        let mut slices = self.slicer.slices(self.directory.places());
        while let Some(some) = slices.next().await {
            self.directory.evict_blocks(some);
        }
    }

    /// Reads the shard's own state, between two entries.
    pub async fn inspect<T>(&self, look: impl FnOnce(&ShardState) -> T) -> T {
        self.group.inspect(|machine| look(&machine.state)).await
    }
}
