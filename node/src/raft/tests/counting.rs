//! A list of numbers that is replicated.

use std::{io, ops::RangeInclusive};

use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::watch;

use crate::raft::{Applied, Capture, Replicated};

/// This number can't be applied.
pub const POISON: u8 = 255;

/// Appends each number it is given.
pub struct Counting {
    pub numbers: Vec<u8>,
    /// What each entry adds to the size of the next capture, bytes.
    pub entry_bytes: u64,
    unsaved_bytes: watch::Sender<u64>,
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            entry_bytes: 1,
            unsaved_bytes: watch::Sender::new(0),
        }
    }
}

impl Replicated for Counting {
    const STATE_VERSIONS: RangeInclusive<u8> = 1..=1;

    async fn restore(&mut self, _index: u64, state: Option<Vec<u8>>) -> io::Result<()> {
        self.numbers = state.unwrap_or_default();
        self.unsaved_bytes.send_replace(0);
        Ok(())
    }

    async fn apply(&mut self, _index: u64, payload: Bytes) -> Result<Applied, String> {
        if payload.contains(&POISON) {
            return Err("poison".to_owned());
        }
        self.numbers.extend(&payload[..]);
        self.unsaved_bytes
            .send_modify(|bytes| *bytes += self.entry_bytes);
        Ok(Applied(payload))
    }

    fn capture(&mut self, _index: u64) -> Capture {
        self.unsaved_bytes.send_replace(0);
        Capture {
            state: self.numbers.clone(),
            changes: async { Vec::new() }.boxed(),
        }
    }

    fn captured(&mut self) {}

    fn owner_of(_key: &[u8]) -> Option<String> {
        None
    }

    fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        self.unsaved_bytes.subscribe()
    }
}
