//! Notifies watchers of a learner's changes.

use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

/// The watched learners of a shard.
#[derive(Clone, Debug, Default)]
pub struct Watchers(Arc<Mutex<HashMap<Box<str>, Watched>>>);

#[derive(Debug)]
struct Watched {
    changes: watch::Sender<u64>,
    watchers: usize,
}

/// Receives one learner's changes, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    all: Watchers,
    user_id: Box<str>,
    changes: watch::Receiver<u64>,
}

impl Watchers {
    /// Watches a learner, whether known or not.
    pub fn watch(&self, user_id: &str) -> Watch {
        let mut all = self.lock();
        let watched = all.entry(user_id.into()).or_insert_with(|| Watched {
            changes: watch::Sender::new(0),
            watchers: 0,
        });
        watched.watchers += 1;
        let changes = watched.changes.subscribe();
        drop(all);
        Watch {
            all: self.clone(),
            user_id: user_id.into(),
            changes,
        }
    }

    /// Whether any learner is watched.
    pub fn are_any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Notifies the watchers of these learners.
    pub fn notify<'u>(&self, changed: impl Iterator<Item = &'u str>) {
        let all = self.lock();
        if all.is_empty() {
            return;
        }
        for user_id in changed {
            if let Some(watched) = all.get(user_id) {
                watched.changes.send_modify(|count| *count += 1);
            }
        }
    }

    /// Notifies the watchers of all learners.
    pub fn notify_all(&self) {
        for watched in self.lock().values() {
            watched.changes.send_modify(|count| *count += 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Watched>> {
        self.0.lock()
    }
}

impl Watch {
    /// Returns once the learner has changed since the last call. Several changes in between count
    /// as one.
    pub async fn changed(&mut self) {
        // The sender is kept while this watch is counted among the watchers.
        let _ = self.changes.changed().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(watched) = all.get_mut(&self.user_id) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                all.remove(&self.user_id);
            }
        }
    }
}
