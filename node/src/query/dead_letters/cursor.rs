//! The letters of a shard, a bounded chunk at a time.

use homeroom_core::shard::{DeadLetter, ShardState};

use super::filter::Filter;
use crate::{route::Router, shard::ShardReplica};

/// Letters in a chunk.
const LETTERS_MAX: usize = 512;
/// What the letters of a chunk take, bytes; and the letter that goes beyond it.
const BYTES_MAX: u64 = 256 * 1024;
/// Letters looked at in one go: entries wait meanwhile.
const LOOKED_AT_MAX: usize = 4_096;

/// Goes through what a shard kept when the cursor began: what is refused on the way is not met again.
pub(super) struct Cursor<'r> {
    /// Whose letters they are.
    pub shard: &'r ShardReplica,
    from: u64,
    end: u64,
}

impl<'r> Cursor<'r> {
    /// One for each shard, in their order. All begin before the first is gone through: a letter may come back on another shard.
    pub async fn all(router: &'r Router) -> Vec<Self> {
        let mut cursors = Vec::with_capacity(router.shards().len());
        for shard in router.shards() {
            let end = shard
                .inspect(|state| state.dead_letters().next_number())
                .await;
            cursors.push(Self {
                shard,
                from: 0,
                end,
            });
        }
        cursors
    }

    /// What `take` makes of the next letters that match; none after the last. A chunk may be empty.
    pub async fn next<T>(
        &mut self,
        filter: &Filter,
        take: impl Fn(u64, &DeadLetter) -> T,
    ) -> Option<Vec<T>> {
        if self.from >= self.end {
            return None;
        }
        let shard = self.shard;
        let advance = |state: &ShardState| self.advance(state, filter, take);
        Some(shard.inspect(advance).await)
    }

    fn advance<T>(
        &mut self,
        state: &ShardState,
        filter: &Filter,
        take: impl Fn(u64, &DeadLetter) -> T,
    ) -> Vec<T> {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        let letters = state.dead_letters().iter_from(self.from);
        for (looked_at, (number, letter)) in letters.enumerate() {
            let is_full = chunk.len() >= LETTERS_MAX || bytes >= BYTES_MAX;
            if number >= self.end || is_full || looked_at >= LOOKED_AT_MAX {
                self.from = number;
                return chunk;
            }
            if filter.keeps(letter) {
                bytes += letter.bytes();
                chunk.push(take(number, letter));
            }
        }
        self.from = self.end;
        chunk
    }
}
