//! Reads the dead letters of a shard in bounded chunks.

use homeroom_core::shard::{DeadLetter, ShardState};

use super::filter::Filter;
use crate::{route::Router, shard::ShardReplica};

/// Maximum letters in a chunk.
const LETTERS_MAX: usize = 512;
/// A chunk ends with the letter that exceeds this size, bytes.
const BYTES_MAX: u64 = 256 * 1024;
/// Letters examined per call. The shard applies no entries meanwhile.
const LOOKED_AT_MAX: usize = 4_096;

/// A position in the letters that a shard kept when the cursor was created. Letters added later are
/// not visited.
pub(super) struct Cursor<'r> {
    /// The shard of the letters.
    pub shard: &'r ShardReplica,
    from: u64,
    end: u64,
}

impl<'r> Cursor<'r> {
    /// A cursor for each shard, in their order. All are created before the first is read: a
    /// re-driven letter may be refused again on another shard.
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

    /// The results of `take` for the next letters that match; `None` after the last letter. A chunk
    /// may be empty.
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
