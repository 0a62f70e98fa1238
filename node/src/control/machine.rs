//! The replicated part of the control plane.

use std::{io, ops::RangeInclusive, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use homeroom_core::cluster::{ClusterCommand, ClusterState};
use tokio::sync::watch;

use crate::raft::{Applied, Capture, Replicated};

/// The cluster's state, published to the node after each change.
pub struct ControlMachine {
    pub state: watch::Sender<Arc<ClusterState>>,
}

impl Replicated for ControlMachine {
    const STATE_VERSIONS: RangeInclusive<u8> = 1..=4;

    async fn restore(&mut self, _index: u64, state: Option<Vec<u8>>) -> io::Result<()> {
        let state = state.map_or_else(
            || Ok(ClusterState::default()),
            |state| ClusterState::decode(&state),
        );
        let state = state.map_err(|error| io::Error::other(error.to_string()))?;
        self.state.send_replace(Arc::new(state));
        Ok(())
    }

    async fn apply(&mut self, index: u64, payload: Bytes) -> Result<Applied, String> {
        let command = match ClusterCommand::decode(&payload) {
            Ok(command) => command,
            Err(error) => return Ok(refused(error.to_string())),
        };
        let mut state = ClusterState::clone(&self.state.borrow());
        let applied = state.apply(index, &payload, command);
        self.state.send_replace(Arc::new(state));
        Ok(applied.map_or_else(refused, |()| Applied::default()))
    }

    fn owner_of(_key: &[u8]) -> Option<String> {
        None
    }

    fn capture(&mut self, _index: u64) -> Capture {
        let state = self.state.borrow().encode();
        Capture {
            state,
            changes: async { Vec::new() }.boxed(),
        }
    }

    fn captured(&mut self) {}

    /// The whole state is in every checkpoint, and it is small.
    fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

fn refused(reason: String) -> Applied {
    Applied(Bytes::from(reason))
}

/// Why a command was refused; `None` when it was applied.
pub fn refusal(applied: &Applied) -> Option<String> {
    let reason = &applied.0[..];
    (!reason.is_empty()).then(|| String::from_utf8_lossy(reason).into_owned())
}
