//! Starts a node from its data folder.

mod available_memory;
mod disk;
mod error;
mod groups;
mod identity;
mod shard_event_metrics;
mod supervisor;

use std::{io, path::Path, sync::Arc};

use homeroom_core::{
    Settings,
    cluster::{Founding, Member},
};
use ractor::{Actor, ActorRef};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    available_memory::available_memory_bytes,
    disk::{CHECKPOINTS, Disk, LOG, open_disk},
    groups::{ShardDependencies, group_config, start_shards},
    identity::Identity,
    supervisor::Supervisor,
};
use crate::{
    clock::{LogClock, SystemTimeSource},
    config::{Config, LoadedConfig, MemoryConfig, whole_ms},
    control::ControlPlane,
    observe::Metrics,
    route::Router,
    shard::LearnerMemory,
    store::{checkpoint::CheckpointStore, log::FileLog},
};

pub use self::{error::StartNodeError, groups::stop_groups};

/// Incarnation of the control plane's replica; it never changes.
const CONTROL_INCARNATION: u64 = 1;

/// A started node: all groups lead and have applied their logs.
pub struct Started {
    /// The node and its cluster.
    pub identity: Identity,
    /// The cluster's control plane.
    pub control: Arc<ControlPlane>,
    /// All shards.
    pub router: Arc<Router>,
    /// The log of all groups.
    pub log: Arc<FileLog>,
    /// The checkpoints of all groups.
    pub store: Arc<CheckpointStore>,
    /// Supervises the learners' actors.
    pub supervisor: ActorRef<()>,
}

/// Recovers everything from the data folder, or founds a cluster in an empty one.
///
/// The tasks of the shards run in `tasks` until `stop` is cancelled.
///
/// # Errors
/// See [`StartNodeError`].
pub async fn start(
    loaded: &LoadedConfig,
    metrics: &Arc<Metrics>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Started, StartNodeError> {
    let config = &loaded.config;
    let identity = identify(loaded)?;
    let disk = open_disk(config, &identity, metrics).await?;
    let spawned = Actor::spawn(None, Supervisor, ()).await;
    let (supervisor, _ended) = spawned.map_err(|error| StartNodeError::Task(error.to_string()))?;
    let control = start_control(config, &identity, &disk).await;
    let control = control.inspect_err(|_| supervisor.stop(None))?;
    let memory = Arc::new(learner_memory(&config.memory));
    let mut shards = Vec::new();
    let dependencies = ShardDependencies {
        loaded,
        identity: &identity,
        disk: &disk,
        control: &control,
        supervisor: &supervisor,
        memory: &memory,
        metrics,
    };
    let settings = control.settings();
    let started = match check_retention(loaded, &settings) {
        Ok(()) => start_shards(dependencies.setups(), &settings, &mut shards, tasks, stop).await,
        Err(error) => Err(error),
    };
    if let Err(error) = started {
        stop.cancel();
        stop_groups(&shards, &control, &supervisor).await;
        return Err(error);
    }
    let queue_bytes_max = u32::try_from(config.ingest.queue_bytes_max.as_u64());
    let router = Router::new(shards, queue_bytes_max.unwrap_or(u32::MAX >> 1), memory);
    Ok(Started {
        identity,
        control,
        router: Arc::new(router),
        log: disk.log,
        store: disk.store,
        supervisor,
    })
}

fn identify(loaded: &LoadedConfig) -> Result<Identity, StartNodeError> {
    let node = &loaded.config.node;
    let dir = &node.data_dir;
    let failed = |error| StartNodeError::DataDir {
        dir: dir.display().to_string(),
        error,
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let Some(identity) = Identity::load(dir)? else {
        refuse_orphans(dir).map_err(failed)?;
        // Created before the identity is saved: an identity without a log folder then means that
        // the log was lost.
        std::fs::create_dir_all(dir.join(LOG)).map_err(failed)?;
        let identity = Identity::founder(node.shards);
        identity.save(dir)?;
        return Ok(identity);
    };
    check_log(dir).map_err(failed)?;
    if loaded.is_given("node.shards") && node.shards != identity.shards {
        return Err(StartNodeError::Differs {
            field: "shards",
            given: node.shards.to_string(),
            founded: identity.shards.to_string(),
            otherwise: ", a cluster's shards can't be changed",
        });
    }
    Ok(identity)
}

/// Refuses a data folder whose log is gone. The checkpoints are created after the log.
fn check_log(dir: &Path) -> io::Result<()> {
    let log = dir.join(LOG);
    let why = if !log.exists() {
        "gone"
    } else if dir.join(CHECKPOINTS).exists() && FileLog::is_missing_in(&log)? {
        "empty"
    } else {
        return Ok(());
    };
    Err(io::Error::other(format!(
        "the log folder is {why}: put its files back, or start with an empty data folder"
    )))
}

/// Refuses a folder with data but without an identity, which is not an empty folder.
fn refuse_orphans(dir: &Path) -> io::Result<()> {
    for kept in [LOG, CHECKPOINTS] {
        let is_used =
            std::fs::read_dir(dir.join(kept)).is_ok_and(|mut files| files.next().is_some());
        if is_used {
            let why =
                format!("there is a {kept} folder, but no identity.json that says whose it is");
            return Err(io::Error::other(why));
        }
    }
    Ok(())
}

fn check_retention(loaded: &LoadedConfig, settings: &Settings) -> Result<(), StartNodeError> {
    let given_ms = whole_ms(loaded.config.founding.retention);
    if !loaded.is_given("founding.retention") || given_ms == settings.retention_ms {
        return Ok(());
    }
    let shown = |ms: i64| {
        humantime::format_duration(std::time::Duration::from_millis(ms.unsigned_abs())).to_string()
    };
    Err(StartNodeError::Differs {
        field: "retention",
        given: shown(given_ms),
        founded: shown(settings.retention_ms),
        otherwise: ", and change it with `homeroom settings set retention=…`",
    })
}

/// The control plane's group id comes after those of the shards.
async fn start_control(
    config: &Config,
    identity: &Identity,
    disk: &Disk,
) -> Result<Arc<ControlPlane>, StartNodeError> {
    let id = identity.shards;
    let founding = Founding {
        cluster_id: identity.cluster_id.clone(),
        shards: identity.shards,
        founder: Member {
            node_id: identity.node_id,
            address: config.listen.grpc.to_string(),
        },
        settings: config.founding.settings(),
    };
    let control = ControlPlane::start(
        group_config(config, "control".to_owned(), (id, CONTROL_INCARNATION)),
        disk.resources.clone(),
        LogClock::new(Arc::new(SystemTimeSource)),
        founding,
    )
    .await?;
    Ok(Arc::new(control))
}

fn learner_memory(config: &MemoryConfig) -> LearnerMemory {
    let there_are = available_memory_bytes();
    let bytes_max = config.learners_bytes_max.of(there_are);
    if bytes_max > there_are {
        tracing::warn!(
            "memory.learners_bytes_max is {bytes_max} bytes, and there are {there_are}: the system may end the node before it refuses events"
        );
    }
    LearnerMemory::of(bytes_max, config.learners_bytes_short.of(there_are))
}
