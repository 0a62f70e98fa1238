//! The room for further events in the blocks of a learner.

use super::{block_summary::HourNumber, blocks::Blocks};
use crate::{
    learner::room::{BLOCKS_BYTES_MAX, HOUR_BYTES_MAX, IDENTITIES_MAX, PANE_BYTES_MAX},
    time::hour_of,
};

impl Blocks {
    /// Whether the pane, the hour and all blocks have room for an event of this time that counts
    /// `bytes`. The block of the time must be in memory.
    pub fn has_room(&self, time_ms: i64, bytes: u32) -> bool {
        let total = self.bytes + u64::from(bytes);
        if self.identities >= IDENTITIES_MAX || total > BLOCKS_BYTES_MAX {
            return false;
        }
        // Neither an hour nor a pane counts more than all blocks.
        if total <= u64::from(PANE_BYTES_MAX) {
            return true;
        }
        let at = self.resident_at(time_ms);
        let pane = at.map_or(0, |at| self.resident[at].content.pane_bytes(time_ms));
        pane + bytes <= PANE_BYTES_MAX
            && (total <= HOUR_BYTES_MAX
                || self.hour_bytes(hour_of(time_ms)) + u64::from(bytes) <= HOUR_BYTES_MAX)
    }

    /// What the events of an hour count, bytes.
    fn hour_bytes(&self, hour: HourNumber) -> u64 {
        let resident = self.resident
            [(self.resident).partition_point(|block| hour_of(block.from_ms) < hour)..]
            .iter()
            .take_while(|block| hour_of(block.from_ms) == hour)
            .map(|block| u64::from(block.content.bytes()));
        let evicted = self.evicted
            [(self.evicted).partition_point(|block| hour_of(block.from_ms) < hour)..]
            .iter()
            .take_while(|block| hour_of(block.from_ms) == hour)
            .map(|block| u64::from(block.bytes));
        resident.chain(evicted).sum()
    }
}
