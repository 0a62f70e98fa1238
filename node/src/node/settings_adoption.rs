//! Takes the control plane's settings to a shard, whoever asked for the change and whether or not
//! they still wait for it.

use std::{sync::Arc, time::Duration};

use homeroom_core::cluster::ClusterState;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::shard::ShardReplica;

/// Time before settings that a shard refused are proposed again; doubled each time.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// The longest such time.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// Follows the control plane's states for one shard.
pub struct SettingsAdoption {
    pub shard: Arc<ShardReplica>,
    pub states: watch::Receiver<Arc<ClusterState>>,
    pub stop: CancellationToken,
}

impl SettingsAdoption {
    /// Proposes the newest settings to the shard until it has them, each time that they change and
    /// each time that its replica here begins to lead. Runs until it is stopped.
    pub async fn run(mut self) {
        let mut retry_after = RETRY_AFTER;
        let mut leaderships = self.shard.leaderships();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                // The sender lives as long as the shard.
                _ = leaderships.wait_for(|present| present.leads) => {}
            }
            let state = Arc::clone(&self.states.borrow_and_update());
            let adopted = match &state.founded {
                Some(founded) => self.shard.adopt(&founded.settings).await,
                None => Ok(()),
            };
            let again = async {
                match adopted {
                    Ok(()) => std::future::pending().await,
                    Err(_) => sleep(retry_after).await,
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = self.states.changed() => match changed {
                    Ok(()) => retry_after = RETRY_AFTER,
                    Err(_) => return,
                },
                () = again => retry_after = (retry_after * 2).min(RETRY_AFTER_MAX),
                _ = leaderships.changed() => {}
            }
        }
    }
}
