//! The demo's node: in a temporary folder, on loopback, otherwise an ordinary node.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use homeroom_client::{Client, ClientOptions, parse_endpoints};
use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::error::DemoError;
use crate::{
    config::{self, ConfigArgs, Sources},
    node::{self, ServeError},
};

/// The default ports of gRPC and HTTP: with them the commands on the screen are short.
const USUAL_PORTS: [u16; 2] = [7400, 7401];
/// Attempts to start: another process may take a port that was free a moment ago.
const STARTS_MAX: usize = 8;
/// Between two checks whether the node is ready.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Deadline of a call, and of each attempt. They are equal, so that a slow request is not resent:
/// the node would count its events twice, the demo once. A request on a broken connection is still
/// resent.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A running node and its folder.
pub(super) struct Host {
    node: AbortOnDropHandle<Result<(), ServeError>>,
    stop: CancellationToken,
    dir: TempDir,
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
}

impl Host {
    /// Starts a node and waits until it is ready.
    ///
    /// # Errors
    /// When there is no temporary folder, or the node does not start.
    pub(super) async fn start() -> Result<Self, DemoError> {
        let mut starts = 0;
        loop {
            starts += 1;
            let mut host = Self::spawn()?;
            match host.ready().await {
                Ok(()) => return Ok(host),
                Err(DemoError::Node(ServeError::Listen { .. })) if starts < STARTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn() -> Result<Self, DemoError> {
        let dir = tempfile::Builder::new()
            .prefix("homeroom-demo-")
            .tempdir()
            .map_err(DemoError::Folder)?;
        let (grpc, http) = free_addresses();
        let args = ConfigArgs {
            data_dir: Some(dir.path().join("data").display().to_string()),
            grpc: Some(grpc.to_string()),
            http: Some(http.to_string()),
            ..ConfigArgs::default()
        };
        // The environment is ignored: it may be meant for another node, with data worth keeping.
        let loaded = config::load(&Sources::new(&args, []))?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let node = AbortOnDropHandle::new(tokio::spawn(async move {
            node::serve(&loaded, stopped.cancelled_owned()).await
        }));
        Ok(Self {
            node,
            stop,
            dir,
            grpc,
            http,
        })
    }

    async fn ready(&mut self) -> Result<(), DemoError> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc));
        let endpoint = endpoint.map_err(|error| DemoError::Task(error.to_string()))?;
        let serving = async {
            let mut looks = interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut health = HealthClient::new(endpoint.connect_lazy());
            loop {
                looks.tick().await;
                let answer = health.check(HealthCheckRequest::default()).await;
                let serving = ServingStatus::Serving as i32;
                if answer.is_ok_and(|answer| answer.into_inner().status == serving) {
                    return;
                }
            }
        };
        tokio::select! {
            error = Self::end_of(&mut self.node) => Err(error),
            () = serving => Ok(()),
        }
    }

    /// A new connection to the node.
    ///
    /// # Errors
    /// When the address is no endpoint.
    pub(super) fn connect(&self) -> Result<Client, DemoError> {
        let options = ClientOptions {
            deadline: ANSWER_WITHIN,
            attempt: ANSWER_WITHIN,
            ..ClientOptions::default()
        };
        let endpoints = parse_endpoints(&self.grpc.to_string())?;
        Ok(Client::connect_with(endpoints, options)?)
    }

    /// Waits until the node ends by itself; returns why.
    pub(super) async fn ended(&mut self) -> DemoError {
        Self::end_of(&mut self.node).await
    }

    async fn end_of(node: &mut AbortOnDropHandle<Result<(), ServeError>>) -> DemoError {
        match node.await {
            Ok(Ok(())) => DemoError::NodeEnded,
            Ok(Err(error)) => DemoError::Node(error),
            Err(error) => DemoError::Task(error.to_string()),
        }
    }

    /// Stops the node, waits for its end, and removes its folder.
    ///
    /// # Errors
    /// When the node fails, or the folder can't be removed.
    pub(super) async fn stop(self) -> Result<(), DemoError> {
        let Self {
            node, stop, dir, ..
        } = self;
        stop.cancel();
        // `ended` may have polled the handle to its end already; it must not be polled again.
        let ended = if node.is_finished() {
            Ok(Ok(()))
        } else {
            node.await
        };
        let removed = tokio::task::spawn_blocking(move || dir.close()).await;
        ended.map_err(|error| DemoError::Task(error.to_string()))??;
        removed
            .map_err(|error| DemoError::Task(error.to_string()))?
            .map_err(DemoError::Folder)
    }
}

/// The default addresses if they are free, else any. Both are bound at once, so that they differ.
fn free_addresses() -> (SocketAddr, SocketAddr) {
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let [grpc, http] = USUAL_PORTS.map(loopback);
    let bound = |address: SocketAddr| TcpListener::bind(address).ok();
    if let (Some(_), Some(_)) = (bound(grpc), bound(http)) {
        return (grpc, http);
    }
    let any = (bound(loopback(0)), bound(loopback(0)));
    let address = |listener: Option<TcpListener>| listener?.local_addr().ok();
    (
        address(any.0).unwrap_or(grpc),
        address(any.1).unwrap_or(http),
    )
}
