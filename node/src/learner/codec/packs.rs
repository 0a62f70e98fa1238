//! Where the heads of active learners are stored: in packs, as they come. An active learner is read from them only when a node starts,
//! so a pack need not be found by its learners; and what is live in a pack that is mostly superseded is simply written anew.
//!
//! Invariants, of what is stored:
//! - a learner's newest head is the one with the highest index among packs and records of their own, and of equal ones the latter;
//! - the newest head of a learner who is not active is a record of its own.

use std::{collections::HashMap, iter::Peekable, ops::Deref};

use super::{
    collected::Collected,
    keys::pack_key,
    pack::{Pack, PackedHead},
    stored::LoadError,
};
use crate::store::checkpoint::Change;

/// What one capture reads at most of packs that are mostly superseded, bytes: within a commit's bound beside what is unsaved.
const READ_BYTES_MAX: usize = 16 << 20;

/// A learner, and its head.
type Head = (Box<str>, Vec<u8>);

/// Which pack holds the newest head of which learner of a shard. Follows what is written: of a capture that fails nothing may be
/// written afterwards.
#[derive(Debug, Default)]
pub struct Packs {
    /// Of whom the newest head is in a pack: in which.
    of: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    /// By their numbers.
    packs: Vec<Content>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Content {
    /// Heads in the record; 0 when there is none.
    heads: u32,
    /// Those of them that are their learners' newest.
    live: u32,
}

/// The index that the heads in a pack's record are as of, and these with their learners.
///
/// # Errors
/// When it is damaged or of an unknown version.
pub fn packed_heads(number: u32, record: &[u8]) -> Result<(u64, Vec<PackedHead<'_>>), LoadError> {
    Pack::read(record).ok_or(LoadError::Pack(number))
}

impl Packs {
    /// Notes a pack that is in the store, with so many heads, none of them known to be live.
    pub fn note_stored(&mut self, number: u32, heads: usize) {
        self.content(number).heads = u32::try_from(heads).unwrap_or(u32::MAX);
    }

    /// Notes which stored pack has the newest head of a learner.
    pub fn note_live(&mut self, number: u32, user_id: &str) {
        self.content(number).live += 1;
        self.of.insert(user_id.into(), number);
    }

    /// What a capture has to write, its heads in packs; counts as written from now on. `stored` reads a pack, if it can be had.
    pub fn changes_of<P: Deref<Target = [u8]>>(
        &mut self,
        collected: Collected,
        stored: impl Fn(u32) -> Option<P>,
    ) -> Vec<Change> {
        let Collected {
            as_of,
            mut changes,
            mut heads,
            unpacked,
        } = collected;
        let written = heads.iter().map(|(user_id, _)| user_id);
        for user_id in written.chain(&unpacked) {
            self.supersede(user_id);
        }
        self.copy_live(&mut heads, stored);
        let mut numbers = self.unused().into_iter();
        let mut heads = heads.into_iter().peekable();
        while heads.peek().is_some() {
            let number = numbers.next().unwrap_or_else(|| self.next_number());
            let pack = self.fill(number, as_of, &mut heads);
            changes.push((pack_key(number), Some(pack)));
        }
        for number in numbers {
            if std::mem::take(&mut self.packs[number as usize].heads) > 0 {
                changes.push((pack_key(number), None));
            }
        }
        changes
    }

    /// The record of a pack that takes in heads as long as there is room, one in any case.
    fn fill(
        &mut self,
        number: u32,
        as_of: u64,
        heads: &mut Peekable<impl Iterator<Item = Head>>,
    ) -> Vec<u8> {
        let mut pack = Pack::new(as_of);
        let mut content = Content::default();
        while let Some((user_id, head)) =
            heads.next_if(|(id, head)| content.heads == 0 || pack.fits(id, head))
        {
            pack.put(&user_id, &head);
            content.heads += 1;
            content.live += 1;
            self.of.insert(user_id, number);
        }
        *self.content(number) = content;
        pack.into_bytes()
    }

    /// Takes the live heads out of packs that are mostly superseded, the emptiest first: their room is used again.
    fn copy_live<P: Deref<Target = [u8]>>(
        &mut self,
        heads: &mut Vec<Head>,
        stored: impl Fn(u32) -> Option<P>,
    ) {
        let mut read_bytes = 0;
        for number in self.mostly_superseded() {
            if read_bytes > READ_BYTES_MAX {
                return;
            }
            // What can't be read stays where it is: a start will find it damaged, and build the shard's records anew.
            let Some(record) = stored(number) else {
                continue;
            };
            read_bytes += record.len();
            for (user_id, head) in Pack::read(&record).into_iter().flat_map(|(_, heads)| heads) {
                if self.of.get(user_id) == Some(&number) {
                    self.supersede(user_id);
                    heads.push((user_id.into(), head.to_vec()));
                }
            }
        }
    }

    /// Packs of which less than half is live, but something, the emptiest first.
    fn mostly_superseded(&self) -> Vec<u32> {
        let packs = (0..).zip(&self.packs);
        let sparse = packs.filter(|(_, it)| it.live > 0 && it.live * 2 < it.heads);
        let mut sparse: Vec<(u32, u32)> = sparse.map(|(number, it)| (it.live, number)).collect();
        sparse.sort_unstable();
        sparse.into_iter().map(|(_, number)| number).collect()
    }

    /// The numbers of packs of which nothing is live, or that there are none of.
    fn unused(&self) -> Vec<u32> {
        let packs = (0..).zip(&self.packs);
        let unused = packs.filter(|(_, content)| content.live == 0);
        unused.map(|(number, _)| number).collect()
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.packs.len()).unwrap_or(u32::MAX)
    }

    /// The newest head of a learner is in no pack any more.
    fn supersede(&mut self, user_id: &str) {
        if let Some(number) = self.of.remove(user_id) {
            self.packs[number as usize].live -= 1;
        }
    }

    fn content(&mut self, number: u32) -> &mut Content {
        let at = number as usize;
        if at >= self.packs.len() {
            self.packs.resize_with(at + 1, Content::default);
        }
        &mut self.packs[at]
    }
}

#[cfg(test)]
#[path = "packs_tests.rs"]
mod tests;
