//! The identities of the events in a block.

use super::{
    key::IdHash,
    memory::{reserve_one, vec_bytes},
    sorted::Sorted,
};
use crate::wire::{Put, Reader};

/// Number of the newest identities that are kept unsorted. Sorting in each one at once would cost
/// more than the rest of the event.
const RECENT_MAX: usize = 32;

/// Identities by the hash of their ids.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    settled: Sorted<Claim>,
    /// In order of arrival.
    recent: Vec<Claim>,
}

/// An identity, with a hash of the content: it shows duplicates with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    id: IdHash,
    content: [u8; 4],
}

impl Claims {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        let ends = self.recent.first().into_iter().chain(self.recent.last());
        ends.map(|claim| u64::from(claim.content[0])).sum()
    }

    /// The content hash of the event with this id.
    pub fn content_of(&self, id: IdHash) -> Option<u32> {
        let recent = self.recent.iter().find(|claim| claim.id == id);
        let claim = recent.or_else(|| self.settled.find(|claim| claim.id.cmp(&id)))?;
        Some(u32::from_be_bytes(claim.content))
    }

    /// Adds a new identity.
    pub fn add(&mut self, id: IdHash, content: u32) {
        if self.recent.len() == RECENT_MAX {
            self.recent.sort_unstable_by_key(|claim| claim.id);
            for &claim in &self.recent {
                let (Ok(spot) | Err(spot)) = self.settled.search_end(|it| it.id.cmp(&claim.id));
                self.settled.insert(spot, claim);
            }
            self.recent.clear();
        }
        let content = content.to_be_bytes();
        reserve_one(&mut self.recent);
        self.recent.push(Claim { id, content });
    }

    pub fn len(&self) -> usize {
        self.settled.len() + self.recent.len()
    }

    /// The ids, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = IdHash> {
        let all = self.settled.iter().chain(&self.recent);
        all.map(|claim| claim.id)
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        self.settled.heap_bytes() + vec_bytes(&self.recent)
    }

    /// Appends the stored form, in the order of the hashes.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.put_size(self.len());
        out.reserve(self.len() * size_of::<Claim>());
        let mut recent = self.recent.clone();
        recent.sort_unstable_by_key(|claim| claim.id);
        let mut recent = recent.into_iter().peekable();
        let mut put = |claim: &Claim| {
            out.extend_from_slice(&claim.id.0);
            out.extend_from_slice(&claim.content);
        };
        for claim in self.settled.iter() {
            while let Some(before) = recent.next_if(|recent| recent.id < claim.id) {
                put(&before);
            }
            put(claim);
        }
        recent.for_each(|claim| put(&claim));
    }

    /// Reads only the ids from the stored form.
    pub fn read_ids(from: &mut Reader<'_>) -> Option<Vec<IdHash>> {
        let claims = (0..from.size()?).map(|_| Some(Claim::read(from)?.id));
        claims.collect()
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut claims = Self::default();
        for _ in 0..from.size()? {
            let claim = Claim::read(from)?;
            let order = |one: &Claim, other: &Claim| one.id.cmp(&other.id);
            claims.settled.push(claim, order)?;
        }
        Some(claims)
    }
}

impl Claim {
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            id: IdHash(from.array()?),
            content: from.array()?,
        })
    }
}
