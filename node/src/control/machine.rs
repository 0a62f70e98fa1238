//! The replicated part of the control plane.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use homeroom_core::cluster::{ClusterCommand, ClusterState};
use tokio::sync::watch;

use crate::raft::{Applied, Capture, Replicated};

/// The cluster's state, shown to the node after each change.
pub struct ControlMachine {
    pub state: watch::Sender<Arc<ClusterState>>,
}

impl Replicated for ControlMachine {
    async fn apply(&mut self, _index: u64, payload: Bytes) -> Applied {
        let command = match ClusterCommand::decode(&payload) {
            Ok(command) => command,
            Err(error) => return Applied::Refused(error.to_string()),
        };
        let mut state = ClusterState::clone(&self.state.borrow());
        match state.apply(command) {
            Ok(()) => {
                self.state.send_replace(Arc::new(state));
                Applied::Done
            }
            Err(reason) => Applied::Refused(reason),
        }
    }

    fn capture(&mut self, _index: u64) -> Capture {
        let state = self.state.borrow().encode();
        Capture {
            state,
            changes: async { Ok(Vec::new()) }.boxed(),
        }
    }

    fn captured(&mut self) {}

    /// All of it goes with every checkpoint, and is small.
    fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}
