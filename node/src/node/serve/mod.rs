//! The life of a node: start, serve, drain, stop.

mod failures;
mod listeners;
mod services;

use std::{future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic_health::server::HealthReporter;

use self::{failures::Failures, listeners::Listeners, services::Services};
use crate::{
    config::{Config, LoadedConfig},
    connections::{HandlePlan, TooFewHandles, handle_limit},
    http::{Gate, Reads},
    ingress::Intake,
    node::{
        checkpoints::{Checkpoints, Scrub},
        gauges::Gauges,
        settings_adoption::SettingsAdoption,
        start::{StartNodeError, Started, start, stop_groups},
    },
    observe::{Metrics, Readiness},
    store::Background,
};

/// Time between two moves of histogram samples into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Services whose health is reported; the empty name stands for the node as a whole.
const HEALTH_OF: [&str; 6] = [
    "",
    "homeroom.v1.ClusterService",
    "homeroom.v1.DeadLetterService",
    "homeroom.v1.IngestService",
    "homeroom.v1.LearnerService",
    "homeroom.v1.CourseService",
];

/// A node did not start, or stopped because of an error.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener can't be opened.
    #[error("{name} = {address} can't be listened on: {error}")]
    Listen {
        /// The setting that names it.
        name: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's error.
        error: io::Error,
    },
    /// The limit of file handles is too low.
    #[error(transparent)]
    Handles(#[from] TooFewHandles),
    /// The node does not start.
    #[error(transparent)]
    Start(#[from] StartNodeError),
    /// Reflection or the transport does not start.
    #[error("gRPC: {0}")]
    Grpc(String),
    /// A listener failed while the node was up.
    #[error("the {0} door closed by itself")]
    Listener(&'static str),
    /// The last writes may not be durable.
    #[error("closing the log failed")]
    Close,
}

/// What runs while a node is up.
struct Running {
    started: Started,
    checkpoints: Arc<Checkpoints>,
    gauges: Arc<Gauges>,
    /// Batchers and tickers of the shards, checkpoints, gauges, the scrub.
    tasks: TaskTracker,
    stop_tasks: CancellationToken,
    propose_deadline: Duration,
}

/// Runs a node until `shutdown` completes. The node is then not ready, lets open requests end,
/// makes a checkpoint, and returns.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    loaded: &LoadedConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let config = &loaded.config;
    let plan = plan_handles(config)?;
    let grpc = listen("listen.grpc", config.listen.grpc).await?;
    let http = listen("listen.http", config.listen.http).await?;
    let addresses = (grpc.local_addr().ok(), http.local_addr().ok());
    let metrics = Arc::new(Metrics::new());
    let (readiness, ready) = watch::channel(Readiness::not_ready("the node is starting"));
    let intake_gate = Gate::closed(ready.clone());
    let reads_gate = Gate::closed(ready.clone());
    let mut listeners = Listeners::new(config, plan, &metrics);
    let watches_max = plan.http / 2;
    let reads = Reads::new(reads_gate.clone(), watches_max);
    listeners.open_http(config, http, &metrics, ready, intake_gate.clone(), reads);
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
    let services = Services {
        config,
        started: &running.started,
        metrics: &metrics,
        gauges: &running.gauges,
        stop: listeners.stop_grpc(),
    };
    let health = match services.open(&intake, &reads_gate) {
        Ok(routes) => listeners.open_grpc(config, grpc, routes, &metrics),
        Err(error) => {
            running.take_down().await?;
            return Err(ServeError::Grpc(error.to_string()));
        }
    };
    intake_gate.open(intake);
    // The first poll installs the signal handlers: a ready node stops in order.
    let mut shutdown = pin!(shutdown);
    let early = shutdown.as_mut().now_or_never();
    running.become_ready(&readiness);
    report(&health, true).await;
    tracing::info!(
        grpc = addresses.0.map(tracing::field::display),
        http = addresses.1.map(tracing::field::display),
        cluster = identity.cluster_id,
        shards = identity.shards,
        "ready"
    );
    let failed = tokio::select! {
        () = shutdown, if early.is_none() => None,
        () = future::ready(()), if early.is_some() => None,
        name = listeners.ended() => Some(ServeError::Listener(name)),
    };
    tracing::info!("stopping: no new requests, those under way end");
    readiness.send_replace(Readiness::not_ready("the node is stopping"));
    report(&health, false).await;
    end_health_watches(health).await;
    listeners.close(config.shutdown.drain).await;
    running.take_down().await?;
    failed.map_or(Ok(()), Err)
}

/// Shares out the file handles. Says so when they are fewer than the configured connections.
fn plan_handles(config: &Config) -> Result<HandlePlan, TooFewHandles> {
    let limit = handle_limit();
    let listen = &config.listen;
    let (http, grpc) = (listen.http_connections_max, listen.grpc_connections_max);
    let plan = HandlePlan::of(limit, http, grpc)?;
    if plan.http < http as usize || plan.grpc < grpc as usize {
        tracing::warn!(
            limit,
            http = plan.http,
            grpc = plan.grpc,
            "the limit of open files leaves room for fewer connections than configured"
        );
    }
    Ok(plan)
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

/// Ends the streams of health watches after the last report. They would otherwise be open as long
/// as their clients live, and delay the shutdown.
async fn end_health_watches(mut health: HealthReporter) {
    for service in HEALTH_OF {
        health.clear_service_status(service).await;
    }
}

async fn bring_up(loaded: &LoadedConfig, metrics: &Arc<Metrics>) -> Result<Running, ServeError> {
    let config = &loaded.config;
    let (tasks, stop_tasks) = (TaskTracker::new(), CancellationToken::new());
    let scrub_thread = Background::start("scrub").map_err(StartNodeError::Thread)?;
    let started = start(loaded, metrics, &tasks, &stop_tasks).await?;
    let checkpoints = Arc::new(Checkpoints {
        router: Arc::clone(&started.router),
        control: Arc::clone(&started.control),
        log: Arc::clone(&started.log),
        metrics: Arc::clone(metrics),
        config: config.checkpoint.clone(),
    });
    for shard in started.router.shards() {
        let adoption = SettingsAdoption {
            shard: Arc::clone(shard),
            states: started.control.states(),
            stop: stop_tasks.clone(),
        };
        tasks.spawn(adoption.run());
        tasks.spawn(Arc::clone(&checkpoints).run_shard(Arc::clone(shard), stop_tasks.clone()));
    }
    tasks.spawn(Arc::clone(&checkpoints).run_control(stop_tasks.clone()));
    let scrub = Scrub {
        store: Arc::clone(&started.store),
        log: Arc::clone(&started.log),
        groups: started.identity.shards + 1,
        every: config.checkpoint.scrub_interval,
        thread: scrub_thread,
    };
    tasks.spawn(scrub.run(stop_tasks.clone()));
    let gauges = Gauges::new(config, metrics, &started);
    gauges.look().await;
    tasks.spawn(Arc::clone(&gauges).run(stop_tasks.clone()));
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
        gauges,
        tasks,
        stop_tasks,
        propose_deadline: config.ingest.propose_deadline,
    })
}

impl Running {
    /// From now on the readiness shows which replicas have failed.
    fn become_ready(&self, readiness: &watch::Sender<Readiness>) {
        readiness.send_replace(Readiness::Ready);
        let failures = Failures {
            router: Arc::clone(&self.started.router),
            control: Arc::clone(&self.started.control),
            readiness: readiness.clone(),
        };
        self.tasks.spawn(failures.run(self.stop_tasks.clone()));
    }

    /// The last checkpoint shortens the next start; the log alone would suffice.
    async fn take_down(self) -> Result<(), ServeError> {
        let Self {
            started,
            checkpoints,
            tasks,
            stop_tasks,
            propose_deadline,
            ..
        } = self;
        stop_tasks.cancel();
        tasks.close();
        // What is in flight in a group that makes no progress is answered only by its stop.
        let in_time = timeout(propose_deadline, tasks.wait()).await;
        checkpoints.all().await;
        let Started {
            router,
            control,
            supervisor,
            ..
        } = &started;
        stop_groups(router.shards(), control, supervisor).await;
        if in_time.is_err() {
            tasks.wait().await;
        }
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
