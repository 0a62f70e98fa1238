//! Opens the files of a node: the log and the checkpoints.

use std::{panic::resume_unwind, sync::Arc, thread};

use tokio::sync::Semaphore;

use super::{error::StartNodeError, identity::Identity};
use crate::{
    config::Config,
    learner::RecoveredLearners,
    node::fatal::stop_process,
    observe::{Metrics, metrics::SavedGroup},
    raft::{CHECKPOINTS_AT_ONCE, GroupResources, NoPeers, StoredStates},
    store::{
        Background,
        checkpoint::{self, CheckpointOptions, CheckpointStore},
        log::{FileLog, LogConfig, LogHooks},
    },
};

/// Folder of the log, in the data folder.
pub(super) const LOG: &str = "log";
/// Folder of the checkpoints and bases, in the data folder.
pub(super) const CHECKPOINTS: &str = "checkpoints";

/// What was opened, and what the checkpoints contained.
pub(super) struct Disk {
    pub(super) log: Arc<FileLog>,
    pub(super) store: Arc<CheckpointStore>,
    pub(super) resources: GroupResources,
    /// Runs writes of checkpoints, and scans.
    pub(super) background: Background,
    pub(super) recovered_learners: Arc<RecoveredLearners>,
}

/// Opens the log and the checkpoints, or creates them.
pub(super) async fn open_disk(
    config: &Config,
    identity: &Identity,
    metrics: &Arc<Metrics>,
) -> Result<Disk, StartNodeError> {
    let (config, identity, metrics) = (config.clone(), identity.clone(), Arc::clone(metrics));
    let opening =
        tokio::task::spawn_blocking(move || open_disk_blocking(&config, &identity, &metrics));
    opening
        .await
        .map_err(|error| StartNodeError::Task(error.to_string()))?
}

fn open_disk_blocking(
    config: &Config,
    identity: &Identity,
    metrics: &Arc<Metrics>,
) -> Result<Disk, StartNodeError> {
    let recovered_learners = Arc::new(RecoveredLearners::new(identity.shards));
    let open_log = || FileLog::open(log_config(config), log_hooks(metrics));
    // A new log is durable before there are checkpoints, so that they prove that there was a log.
    let new_log = match config.node.data_dir.join(CHECKPOINTS).exists() {
        true => None,
        false => Some(open_log()?),
    };
    // Independently of each other.
    let (log, opened) = thread::scope(|scope| {
        let log = scope.spawn(|| new_log.map_or_else(open_log, Ok));
        let opened = open_checkpoints(config, identity);
        let log = log.join();
        (log.unwrap_or_else(|panic| resume_unwind(panic)), opened)
    });
    let (log, store) = (log?, opened?);
    let checkpoints = Arc::clone(&metrics.checkpoint);
    let thread = |name: &str| Background::start(name).map_err(StartNodeError::Thread);
    let (log, store) = (Arc::new(log), Arc::new(store));
    let background = thread("background")?;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let recoverers = (0..processors).map(|number| thread(&format!("recovery-{number}")));
    let states = StoredStates {
        store: Arc::clone(&store),
        background: background.clone(),
        cutter: thread("base-cutter")?,
        recoverers: recoverers.collect::<Result<_, _>>()?,
        visitor: Arc::clone(&recovered_learners) as _,
        received: Arc::default(),
    };
    let resources = GroupResources {
        log: Arc::clone(&log) as _,
        states: Arc::new(states),
        transport: Arc::new(NoPeers),
        loads: Arc::new(Semaphore::new(processors)),
        turns: Arc::new(Semaphore::new(CHECKPOINTS_AT_ONCE)),
        fatal: Arc::new(|why| stop_process(why)),
        checkpointed: Arc::new(move |group, begun, outcome| {
            let took = outcome
                .figures
                .map(|figures| (figures.duration, figures.bytes));
            checkpoints.made(
                group,
                SavedGroup {
                    at: begun,
                    index: outcome.index,
                },
                took,
            );
        }),
    };
    Ok(Disk {
        log,
        store,
        resources,
        background,
        recovered_learners,
    })
}

fn log_config(config: &Config) -> LogConfig {
    let defaults = LogConfig::new(config.node.data_dir.join(LOG));
    let segment_bytes = config.log.segment_bytes.as_u64();
    LogConfig {
        segment_bytes,
        preallocate_from_bytes: defaults.preallocate_from_bytes.min(segment_bytes / 8),
        queue_bytes: config.log.queue_bytes_max.as_u64(),
        cache_bytes: config.log.cache_bytes.as_u64(),
        ..defaults
    }
}

fn log_hooks(metrics: &Metrics) -> LogHooks {
    let mut hooks = LogHooks::new(Arc::new(|error| stop_process(&format!("the log: {error}"))));
    let (fsyncs, appends) = (Arc::clone(&metrics.log), Arc::clone(&metrics.log));
    hooks.fsynced = Some(Arc::new(move |took| fsyncs.fsynced(took)));
    hooks.appended = Some(Arc::new(move |took| appends.appended(took)));
    hooks
}

/// The control plane's group comes after those of the shards.
fn open_checkpoints(
    config: &Config,
    identity: &Identity,
) -> Result<CheckpointStore, checkpoint::OpenError> {
    let options = CheckpointOptions {
        cache_bytes: config.checkpoint.sled_cache_bytes.as_u64(),
        commit_bytes_max: usize::try_from(config.checkpoint.commit_bytes_max.as_u64())
            .unwrap_or(usize::MAX),
        ..CheckpointOptions::default()
    };
    let opened = CheckpointStore::open(
        &config.node.data_dir.join(CHECKPOINTS),
        identity.shards + 1,
        identity.cluster_id.as_bytes(),
        &options,
    );
    Ok(opened?.0)
}
