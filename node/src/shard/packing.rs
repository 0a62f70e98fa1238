//! A shard's packs, between its captures.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    learner::{Collected, Packs, pack_key},
    raft::Home,
    store::{
        Background, Unfinished,
        checkpoint::{Change, CheckpointStore},
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
    pub fn of(home: &Home, shard: u16, packs: Packs) -> Self {
        Self {
            store: Arc::clone(&home.store),
            background: home.background.clone(),
            shard,
            packs: Arc::new(Mutex::new(packs)),
        }
    }

    /// What to write for a capture, whatever it is: nobody may commit anything later without it.
    ///
    /// # Errors
    /// When it came to no end: the packs are not to be used any more.
    pub async fn pack(&self, collected: Collected) -> Result<Vec<Change>, Unfinished> {
        let packing = self.clone();
        let work = move || {
            let mut packs = packing.packs.lock().unwrap_or_else(PoisonError::into_inner);
            let stored = |number| {
                let pack = packing.store.get(packing.shard, &pack_key(number));
                pack.ok().flatten()
            };
            packs.write(collected, stored)
        };
        self.background.run(work).await
    }
}
