//! Deletes blocks beyond the retention of learners that stay passivated. Active learners delete
//! their own.

use std::sync::Arc;

use homeroom_core::{learner::StatePart, time::hour_of};
use parking_lot::Mutex;

use crate::{
    learner::{RecordKey, learner_key, learners_from, parse_key, standings_from, was_passivated},
    store::{
        Background,
        checkpoint::{Change, CheckpointStore},
    },
};

/// Records scanned per checkpoint: bounds how long a checkpoint waits.
const RECORDS_AT_ONCE: usize = 2_000;

/// Scans a shard's records in a cycle, some with each checkpoint.
#[derive(Clone)]
pub struct Sweeper {
    store: Arc<CheckpointStore>,
    background: Background,
    shard: u16,
    /// Key at which the next scan begins.
    from: Arc<Mutex<Vec<u8>>>,
}

impl Sweeper {
    /// Begins with the first record.
    pub fn new(store: Arc<CheckpointStore>, background: Background, shard: u16) -> Self {
        Self {
            store,
            background,
            shard,
            from: Arc::new(Mutex::new(learners_from())),
        }
    }

    /// Begins again with the first record: the records were replaced.
    pub fn restart(&self) {
        *self.from.lock() = learners_from();
    }

    /// Deletions of expired blocks among the next records. Only of learners that are not active and
    /// whose heads were stored at passivation: such a head contains what outlives the retention. No
    /// read can tell that the blocks are gone.
    pub fn expired<A>(
        &self,
        floor_ms: i64,
        is_active: A,
    ) -> impl Future<Output = Vec<Change>> + Send + use<A>
    where
        A: Fn(&str) -> bool + Send + 'static,
    {
        let sweeper = self.clone();
        async move {
            let background = sweeper.background.clone();
            let look = background.run(move || sweeper.look(floor_ms, is_active));
            look.await.unwrap_or_default()
        }
    }

    fn look(&self, floor_ms: i64, is_active: impl Fn(&str) -> bool) -> Vec<Change> {
        let mut from = self.from.lock();
        let mut expired = Vec::new();
        let mut next = learners_from();
        // Reads that need the record report the damage.
        let Ok(records) = self.store.scan(self.shard, &from) else {
            return expired;
        };
        let standings = standings_from();
        // The learner whose records are scanned, and whether its expired blocks may be deleted.
        let mut present = (Box::<str>::default(), false);
        for (seen, record) in records.map_while(Result::ok).enumerate() {
            if record.key() >= &standings[..] {
                break;
            }
            if seen == RECORDS_AT_ONCE {
                next = record.key().to_vec();
                break;
            }
            let Some(RecordKey::Learner { user_id, part, .. }) = parse_key(record.key()) else {
                continue;
            };
            let is_expired = match part {
                StatePart::Head => false,
                StatePart::Block(from_ms) => hour_of(from_ms) < hour_of(floor_ms),
            };
            if !is_expired {
                continue;
            }
            if *present.0 != *user_id {
                present = (
                    user_id.into(),
                    !is_active(user_id) && self.was_passivated(user_id),
                );
            }
            if present.1 {
                expired.push((record.key().to_vec(), None));
            }
        }
        *from = next;
        expired
    }

    fn was_passivated(&self, user_id: &str) -> bool {
        let head = self
            .store
            .get(self.shard, &learner_key(user_id, StatePart::Head, 0));
        head.is_ok_and(|head| head.is_some_and(|head| was_passivated(&head)))
    }
}
