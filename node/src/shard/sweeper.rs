//! Hours that the retention no longer covers, of learners who never came back: nobody else would delete them.

use std::sync::{Arc, Mutex, PoisonError};

use homeroom_core::{learner::StatePart, time::hour_of};

use crate::{
    learner::{RecordKey, parse_key, standings_from},
    raft::Home,
    store::{
        Background,
        checkpoint::{Change, CheckpointStore},
    },
};

/// Records looked at with each checkpoint: bounds what a checkpoint waits for.
const RECORDS_AT_ONCE: usize = 2_000;

/// Goes round a shard's records, some with each checkpoint.
#[derive(Clone)]
pub struct Sweeper {
    store: Arc<CheckpointStore>,
    background: Background,
    shard: u16,
    /// Where the next look begins.
    from: Arc<Mutex<Vec<u8>>>,
}

impl Sweeper {
    /// Begins with the first record.
    pub fn of(home: &Home, shard: u16) -> Self {
        Self {
            store: Arc::clone(&home.store),
            background: home.background.clone(),
            shard,
            from: Arc::default(),
        }
    }

    /// Deletions for the expired hours among the next records. That they are gone changes nothing that can be read: what is before
    /// the floor is never looked at again.
    pub fn expired(&self, floor_ms: i64) -> impl Future<Output = Vec<Change>> + Send + use<> {
        let sweeper = self.clone();
        async move {
            let background = sweeper.background.clone();
            let look = background.run(move || sweeper.look(floor_ms));
            look.await.unwrap_or_default()
        }
    }

    fn look(&self, floor_ms: i64) -> Vec<Change> {
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let mut expired = Vec::new();
        let mut next = Vec::new();
        // Damage is for those to report who want to know what is in the record.
        let Ok(records) = self.store.scan(self.shard, &from) else {
            return expired;
        };
        let standings = standings_from();
        for (seen, record) in records.map_while(Result::ok).enumerate() {
            if record.key() >= &standings[..] {
                break;
            }
            if seen == RECORDS_AT_ONCE {
                next = record.key().to_vec();
                break;
            }
            if let Some(RecordKey::Learner {
                part: StatePart::Hour(number),
                ..
            }) = parse_key(record.key())
                && number < hour_of(floor_ms)
            {
                expired.push((record.key().to_vec(), None));
            }
        }
        *from = next;
        expired
    }
}
