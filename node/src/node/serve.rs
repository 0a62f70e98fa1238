//! A node's life: start, serve until told to stop, drain.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use homeroom_proto::v1::{
    cluster_service_server::ClusterServiceServer, course_service_server::CourseServiceServer,
    dead_letter_service_server::DeadLetterServiceServer,
    ingest_service_server::IngestServiceServer, learner_service_server::LearnerServiceServer,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Server;
use tonic_health::server::HealthReporter;

use super::{
    checkpoints::Checkpoints,
    doors::{Doors, ServiceReads},
    gauges::Gauges,
    start::{StartNodeError, Started, start},
    statements::Statements,
};
use crate::{
    config::{Config, LoadedConfig},
    ingress::{IngestDoor, Intake},
    observe::{Metrics, Readiness},
    query::{ClusterDoor, CourseDoor, DeadLetterDoor, LearnerDoor, NodeIdentity},
};

/// Between two emptyings of the histograms into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Whose health is told; the empty name is the node as a whole.
const HEALTH_OF: [&str; 5] = [
    "",
    "homeroom.v1.ClusterService",
    "homeroom.v1.DeadLetterService",
    "homeroom.v1.IngestService",
    "homeroom.v1.LearnerService",
];
/// Bytes of a gRPC message beyond the events in it.
const MESSAGE_OVERHEAD_BYTES: usize = 64 * 1024;

/// A node did not start, or ended otherwise than told.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener can't be opened.
    #[error("{name} = {address} can't be listened on: {error}")]
    Listen {
        /// Which listener.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The node does not start.
    #[error(transparent)]
    Start(#[from] StartNodeError),
    /// Reflection or the transport does not start.
    #[error("gRPC: {0}")]
    Grpc(String),
    /// A listener failed while the node was up.
    #[error("the {0} door closed by itself")]
    Door(&'static str),
    /// What was written last is not known to be durable.
    #[error("closing the log failed")]
    Close,
}

/// The tasks of a node that is up.
struct Running {
    started: Started,
    checkpoints: Arc<Checkpoints>,
    /// Shards' batchers and tickers, and what looks after them.
    tasks: TaskTracker,
    stop_tasks: CancellationToken,
}

/// Runs a node until `shutdown` is done: then it is not ready, lets requests under way end, makes a checkpoint, and returns.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    loaded: &LoadedConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let config = &loaded.config;
    let grpc = listen("listen.grpc", config.listen.grpc).await?;
    let http = listen("listen.http", config.listen.http).await?;
    let addresses = (grpc.local_addr().ok(), http.local_addr().ok());
    let metrics = Arc::new(Metrics::new());
    let (readiness, ready) = watch::channel(Readiness::not_ready("the node is starting"));
    let statements = Statements::closed(ready.clone());
    let mut doors = Doors::default();
    let watches_max = config.listen.http_connections_max as usize / 2;
    let reads = ServiceReads::closed(ready.clone(), watches_max);
    doors.open_http(
        config,
        http,
        &metrics,
        ready,
        statements.clone(),
        reads.clone(),
    );
    let running = bring_up(loaded, &metrics).await?;
    let Started {
        identity,
        control,
        router,
        ..
    } = &running.started;
    let intake = Intake::new(
        Arc::clone(router),
        control.states(),
        Arc::clone(&metrics.ingest),
    );
    let answering = open_reads(&reads, &running, &metrics, doors.stop_grpc());
    let routes = grpc_routes(config, &running, &intake, answering, doors.stop_grpc())?;
    let health = doors.open_grpc(grpc, routes);
    statements.open(intake);
    readiness.send_replace(Readiness::Ready);
    report(&health, true).await;
    tracing::info!(
        grpc = addresses.0.map(tracing::field::display),
        http = addresses.1.map(tracing::field::display),
        cluster = identity.cluster_id,
        shards = identity.shards,
        "ready"
    );
    let failed = tokio::select! {
        () = shutdown => None,
        door = doors.ended() => Some(ServeError::Door(door)),
    };
    tracing::info!("stopping: no new requests, those under way end");
    readiness.send_replace(Readiness::not_ready("the node is stopping"));
    report(&health, false).await;
    end_health_watches(health).await;
    doors.close(config.shutdown.drain).await;
    running.take_down().await?;
    failed.map_or(Ok(()), Err)
}

async fn listen(name: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| ServeError::Listen {
        name,
        address,
        error,
    })
}

async fn report(health: &HealthReporter, serving: bool) {
    let status = if serving {
        tonic_health::ServingStatus::Serving
    } else {
        tonic_health::ServingStatus::NotServing
    };
    for service in HEALTH_OF {
        health.set_service_status(service, status).await;
    }
}

/// Watches of health end after the last news; else they would be requests under way for as long as their clients live.
async fn end_health_watches(mut health: HealthReporter) {
    for service in HEALTH_OF {
        health.clear_service_status(service).await;
    }
}

async fn bring_up(loaded: &LoadedConfig, metrics: &Arc<Metrics>) -> Result<Running, ServeError> {
    let config = &loaded.config;
    let (tasks, stop_tasks) = (TaskTracker::new(), CancellationToken::new());
    let started = start(loaded, metrics, &tasks, &stop_tasks).await?;
    let checkpoints = Arc::new(Checkpoints::new(
        Arc::clone(&started.router),
        Arc::clone(&started.control),
        Arc::clone(&started.log),
        Arc::clone(metrics),
        (
            config.checkpoint.interval,
            config.checkpoint.base_log_bytes.as_u64(),
        ),
    ));
    for shard in started.router.shards() {
        tasks.spawn(Arc::clone(&checkpoints).run_shard(Arc::clone(shard), stop_tasks.clone()));
    }
    tasks.spawn(Arc::clone(&checkpoints).run_control(stop_tasks.clone()));
    let gauges = Gauges {
        metrics: Arc::clone(metrics),
        router: Arc::clone(&started.router),
        log: Arc::clone(&started.log),
    };
    tasks.spawn(gauges.run(stop_tasks.clone()));
    let upkeep = Arc::clone(metrics).run_upkeep(UPKEEP_EVERY);
    let stop = stop_tasks.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = upkeep => {}
        }
    });
    Ok(Running {
        started,
        checkpoints,
        tasks,
        stop_tasks,
    })
}

/// The services of learners and courses, which from now on answer over HTTP too.
fn open_reads(
    reads: &ServiceReads,
    running: &Running,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> (Arc<LearnerDoor>, Arc<CourseDoor>) {
    let Started {
        identity,
        control,
        router,
        ..
    } = &running.started;
    let learners = Arc::new(LearnerDoor::new(
        Arc::clone(router),
        control.states(),
        Arc::clone(&metrics.read),
        stop.clone(),
    ));
    let courses = Arc::new(CourseDoor::default());
    let (learners_too, courses_too) = (Arc::clone(&learners), Arc::clone(&courses));
    reads.open(learners_too, courses_too, identity.cluster_id.clone());
    (learners, courses)
}

fn grpc_routes(
    config: &Config,
    running: &Running,
    intake: &Intake,
    (learners, courses): (Arc<LearnerDoor>, Arc<CourseDoor>),
    stop: &CancellationToken,
) -> Result<tonic::transport::server::Router, ServeError> {
    let Started {
        identity,
        control,
        router,
        ..
    } = &running.started;
    let message_bytes_max = usize::try_from(config.ingest.request_bytes_max.as_u64())
        .unwrap_or(usize::MAX)
        .saturating_add(MESSAGE_OVERHEAD_BYTES);
    let window_bytes = u32::try_from(config.ingest.stream_window_bytes.as_u64());
    let ingest = IngestDoor::new(
        intake.clone(),
        window_bytes.unwrap_or(u32::MAX >> 1),
        stop.clone(),
    );
    let who = NodeIdentity {
        node_id: identity.node_id,
        version: env!("CARGO_PKG_VERSION"),
    };
    let cluster = ClusterDoor::new(who, Arc::clone(control), Arc::clone(router));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(homeroom_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| ServeError::Grpc(error.to_string()))?;
    let reflection_alpha = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(homeroom_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1alpha()
        .map_err(|error| ServeError::Grpc(error.to_string()))?;
    Ok(Server::builder()
        .add_service(reflection)
        .add_service(reflection_alpha)
        .add_service(IngestServiceServer::new(ingest).max_decoding_message_size(message_bytes_max))
        .add_service(LearnerServiceServer::from_arc(learners))
        .add_service(CourseServiceServer::from_arc(courses))
        .add_service(DeadLetterServiceServer::new(DeadLetterDoor::new(
            Arc::clone(router),
            intake.clone(),
            stop.clone(),
        )))
        .add_service(ClusterServiceServer::new(cluster)))
}

impl Running {
    /// The last checkpoint makes the next start quick; the log alone would do.
    async fn take_down(self) -> Result<(), ServeError> {
        let Self {
            started,
            checkpoints,
            tasks,
            stop_tasks,
        } = self;
        stop_tasks.cancel();
        tasks.close();
        tasks.wait().await;
        checkpoints.all().await;
        for shard in started.router.shards() {
            shard.group().stop().await;
        }
        started.control.group().stop().await;
        started.supervisor.get_cell().stop_children(None);
        started.supervisor.stop(None);
        let log = Arc::clone(&started.log);
        let closed = tokio::task::spawn_blocking(move || log.close()).await;
        match closed {
            Ok(Ok(())) => {
                tracing::info!("stopped");
                Ok(())
            }
            _ => Err(ServeError::Close),
        }
    }
}
