//! The applied index of each shard, for position tokens.

use std::collections::BTreeMap;

/// Applied indexes by shard. Merging takes the larger one of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<u16, u64>);

impl Positions {
    /// Records that a shard has applied an entry.
    pub fn note(&mut self, shard: u16, index: u64) {
        let known = self.0.entry(shard).or_default();
        *known = index.max(*known);
    }

    /// The applied index of each shard.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        self.0.iter().map(|(&shard, &index)| (shard, index))
    }
}
