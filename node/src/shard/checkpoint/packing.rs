//! A shard's packs, between its captures.

use std::sync::{Arc, Mutex};

use crate::{
    learner::{Collected, Packs, pack_key},
    raft::GroupResources,
    store::{
        Background, Unfinished,
        checkpoint::{Change, CheckpointStore, Payload},
    },
};

/// Puts the heads of one capture after the other into packs.
#[derive(Clone)]
pub struct Packing {
    store: Arc<CheckpointStore>,
    background: Background,
    shard: u16,
    packs: Arc<Mutex<Packs>>,
}

impl Packing {
    /// Goes on from what is stored.
    pub fn of(resources: &GroupResources, shard: u16, packs: Packs) -> Self {
        Self {
            store: Arc::clone(&resources.store),
            background: resources.background.clone(),
            shard,
            packs: Arc::new(Mutex::new(packs)),
        }
    }

    /// What to write for a capture. Of one that is given up no later one may be written: packs count as written from now on.
    ///
    /// # Errors
    /// When it came to no end, now or at an earlier capture.
    pub async fn pack(&self, collected: Collected) -> Result<Vec<Change>, Unfinished> {
        let packing = self.clone();
        let work = move || {
            let mut packs = packing.packs.lock().ok()?;
            Some(packs.changes_of(collected, |number| packing.stored(number)))
        };
        self.background.run(work).await?.ok_or(Unfinished)
    }

    /// A damaged one is left where it is, and said of: a start will rebuild the shard's records.
    fn stored(&self, number: u32) -> Option<Payload> {
        let pack = self.store.get(self.shard, &pack_key(number));
        pack.unwrap_or_else(|error| {
            tracing::error!(shard = self.shard, number, %error, "a pack of heads can't be read");
            None
        })
    }
}
