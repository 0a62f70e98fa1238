//! Reads a shard's stored blocks of events.

use std::sync::Arc;

use crate::{
    learner::{BlockSource, LoadError, load_block},
    shard::events::ShardEvents,
    store::checkpoint::CheckpointStore,
};

/// The stored blocks of a shard's learners; counts the reads.
pub struct ShardBlocks {
    pub shard: u16,
    pub store: Arc<CheckpointStore>,
    pub events: Arc<dyn ShardEvents>,
}

impl BlockSource for ShardBlocks {
    fn block(&self, user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError> {
        self.events.block_read();
        load_block(&self.store, self.shard, user_id, from_ms)
    }
}
