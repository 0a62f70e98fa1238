//! A limit, in bytes, on the writes that wait for the disk.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::WriteRefused;

/// Bytes that may wait for the writer thread. A caller takes its share before it hands over a
/// write; callers are served in the order in which they came.
///
/// Works under any async executor, and in simulation.
#[derive(Debug)]
pub struct ByteBudget {
    room: Arc<Semaphore>,
    capacity_bytes: u32,
}

/// A share of a [`ByteBudget`]. Dropping it returns the bytes; the log does so once the write is
/// durable.
#[derive(Debug)]
#[must_use = "a permit that is dropped gives its room back"]
pub struct QueuePermit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl ByteBudget {
    /// A budget of `capacity_bytes`, at least 1.
    pub fn new(capacity_bytes: u32) -> Self {
        let capacity_bytes = capacity_bytes.max(1);
        Self {
            room: Arc::new(Semaphore::new(capacity_bytes as usize)),
            capacity_bytes,
        }
    }

    /// Waits until `bytes` are free.
    ///
    /// A write larger than the whole budget waits until the budget is empty, and is written alone.
    pub async fn acquire(&self, bytes: u64) -> Result<QueuePermit, WriteRefused> {
        let bytes = u32::try_from(bytes)
            .unwrap_or(u32::MAX)
            .min(self.capacity_bytes);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        room.map(QueuePermit).map_err(|_| WriteRefused::Closed)
    }

    /// Bytes taken now.
    pub fn used_bytes(&self) -> u64 {
        u64::from(self.capacity_bytes).saturating_sub(self.room.available_permits() as u64)
    }

    /// Refuses all waiting and all later callers.
    pub(super) fn close(&self) {
        self.room.close();
    }
}
