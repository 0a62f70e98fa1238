//! The newest checkpoint of each group.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// The newest checkpoints, by group.
#[derive(Debug, Default)]
pub struct SavedGroups(Mutex<BTreeMap<u16, SavedGroup>>);

/// A group's newest checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedGroup {
    /// All entries applied by then are durable: the time when the checkpoint began, or when nothing
    /// new was found.
    pub at: Instant,
    /// Its log index; `None` before the first checkpoint.
    pub index: Option<u64>,
}

impl SavedGroups {
    /// Records that everything a group had applied at `saved.at` is durable.
    pub fn note(&self, group: u16, saved: SavedGroup) {
        let mut groups = self.0.lock();
        groups.insert(group, saved);
    }

    /// The group that has waited longest for a checkpoint, and for how long; `None` if no group was
    /// recorded yet.
    pub fn oldest(&self) -> Option<(u16, Duration)> {
        let groups = self.0.lock();
        let (group, saved) = groups.iter().min_by_key(|(_, saved)| saved.at)?;
        Some((*group, saved.at.elapsed()))
    }

    /// Log index of a group's newest checkpoint.
    pub fn index(&self, group: u16) -> Option<u64> {
        let groups = self.0.lock();
        groups.get(&group)?.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_counts_until_it_is_saved_again() {
        let groups = SavedGroups::default();
        assert_eq!(groups.oldest(), None);
        let now = Instant::now();
        let at = |seconds| {
            now.checked_sub(Duration::from_secs(seconds))
                .expect("an uptime")
        };
        for (group, seconds) in [(0, 2), (1, 60), (2, 5)] {
            groups.note(
                group,
                SavedGroup {
                    at: at(seconds),
                    index: Some(7),
                },
            );
        }
        let (group, age) = groups.oldest().expect("groups");
        assert!(
            group == 1 && age >= Duration::from_secs(60),
            "{group} {age:?}"
        );
        groups.note(
            1,
            SavedGroup {
                at: now,
                index: Some(8),
            },
        );
        assert_eq!(groups.oldest().expect("groups").0, 2);
        assert_eq!(groups.index(1), Some(8));
    }
}
