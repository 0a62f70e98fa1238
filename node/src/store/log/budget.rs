//! The bound, in bytes, on what waits to be written.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::WriteRefused;

/// Room for bytes that wait for the writer. Callers wait here, first come first served, before they
/// hand over a write.
///
/// It works under any async executor, and in simulation.
#[derive(Debug)]
pub struct ByteBudget {
    room: Arc<Semaphore>,
    capacity_bytes: u32,
}

/// Room taken from a [`ByteBudget`]; given back when dropped, which the log does once the write is
/// durable.
#[derive(Debug)]
#[must_use = "a permit that is dropped gives its room back"]
pub struct QueuePermit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl ByteBudget {
    /// A budget of so many bytes, at least 1.
    pub fn new(capacity_bytes: u32) -> Self {
        let capacity_bytes = capacity_bytes.max(1);
        Self {
            room: Arc::new(Semaphore::new(capacity_bytes as usize)),
            capacity_bytes,
        }
    }

    /// Waits until there is room for `bytes`.
    ///
    /// A write larger than the whole budget waits for all of it, and so travels alone.
    pub async fn acquire(&self, bytes: u64) -> Result<QueuePermit, WriteRefused> {
        let bytes = u32::try_from(bytes)
            .unwrap_or(u32::MAX)
            .min(self.capacity_bytes);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        room.map(QueuePermit).map_err(|_| WriteRefused::Closed)
    }

    /// Bytes taken at this moment.
    pub fn used_bytes(&self) -> u64 {
        u64::from(self.capacity_bytes).saturating_sub(self.room.available_permits() as u64)
    }

    /// Refuses all who wait and all who come.
    pub(super) fn close(&self) {
        self.room.close();
    }
}
