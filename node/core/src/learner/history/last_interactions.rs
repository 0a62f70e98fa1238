//! The newest interactions of a learner.

use std::{cell::RefCell, cmp::Ordering};

use super::{
    course::Courses,
    interaction::{Interaction, encode, event_id_of, kept_bytes_of},
};
use crate::{
    learner::compact::{Arrival, CourseSlot, PlaceRef, vec_bytes},
    wire::{Put, Reader},
};

/// Number of interactions in a profile.
const KEPT: usize = 10;
/// Number of interactions for which space is reserved at first.
const KEPT_AT_FIRST: usize = 4;
/// The prefix of an interaction in the ring: its length and its time.
const LENGTH_BYTES: usize = 4;
const PREFIX_BYTES: usize = LENGTH_BYTES + size_of::<i64>();
/// Size of a cache line on most processors, bytes.
const LINE_BYTES: usize = 64;

thread_local! {
    /// Buffer for the interaction that is being encoded.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The ten newest interactions, oldest first, in a ring buffer of bytes. Most events add one and
/// remove one.
#[derive(Clone, Debug, Default)]
pub struct LastInteractions {
    ring: Vec<u8>,
    /// Offset of the oldest.
    start: usize,
    used: usize,
    count: usize,
    /// Time of the newest, ms.
    newest_ms: i64,
}

/// Compares the content only: its offset in the ring depends on earlier content.
impl PartialEq for LastInteractions {
    fn eq(&self, other: &Self) -> bool {
        self.linear() == other.linear()
    }
}

impl Eq for LastInteractions {}

impl LastInteractions {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        let byte = |at: usize| {
            self.ring
                .get(at % self.ring.len().max(1))
                .map_or(0, |it| u64::from(*it))
        };
        // Where the next interaction is written, and where the oldest is removed.
        let end = self.start + self.used;
        byte(end) ^ byte(end + LINE_BYTES) ^ byte(self.start)
    }

    /// Adds an interaction, unless ten newer ones are present.
    pub fn add(&mut self, arrival: &Arrival<'_>, course: CourseSlot) {
        let timestamp_ms = arrival.place.timestamp_ms;
        ENCODED.with_borrow_mut(|encoded| {
            encoded.clear();
            encode(arrival, course, encoded);
            if self.count == 0 || timestamp_ms > self.newest_ms {
                self.append(timestamp_ms, encoded);
            } else {
                self.insert(&arrival.place, encoded);
            }
        });
    }

    /// Newest first.
    pub fn read_all(&self, courses: &Courses) -> Vec<Interaction> {
        let bytes = self.linear();
        let newest_first = records(&bytes).into_iter().rev();
        newest_first
            .filter_map(|(timestamp_ms, encoded)| {
                Interaction::decode(timestamp_ms, encoded, courses)
            })
            .collect()
    }

    /// What the interactions count, bytes.
    pub fn kept_bytes(&self) -> usize {
        let bytes = self.linear();
        let all = records(&bytes).into_iter();
        all.map(|(_, encoded)| kept_bytes_of(encoded)).sum()
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        vec_bytes(&self.ring)
    }

    /// Appends the stored form, oldest first. Of each interaction only the bytes behind the prefix
    /// that it shares with the one before it are written.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64) {
        out.put_size(self.count);
        let bytes = self.linear();
        let mut before: &[u8] = &[];
        for (timestamp_ms, encoded) in records(&bytes) {
            let same = before.iter().zip(encoded).take_while(|(a, b)| a == b);
            let shared = same.count();
            out.put_signed(base_ms.wrapping_sub(timestamp_ms));
            out.put_size(shared);
            out.put_size(encoded.len() - shared);
            out.extend_from_slice(&encoded[shared..]);
            before = encoded;
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, base_ms: i64) -> Option<Self> {
        let mut all = Self::default();
        let mut encoded = Vec::new();
        for _ in 0..from.size()? {
            let timestamp_ms = base_ms.wrapping_sub(from.signed()?);
            let shared = from.size()?;
            if shared > encoded.len() {
                return None;
            }
            encoded.truncate(shared);
            encoded.extend_from_slice(from.text_bytes()?);
            all.append(timestamp_ms, &encoded);
        }
        Some(all)
    }

    /// Adds the newest interaction, and removes the oldest if there are more than ten.
    fn append(&mut self, timestamp_ms: i64, encoded: &[u8]) {
        if self.count == KEPT {
            self.drop_oldest();
        }
        let needed = PREFIX_BYTES + encoded.len();
        if self.used + needed > self.ring.len() {
            self.grow(needed);
        }
        let length = u32::try_from(encoded.len()).unwrap_or(u32::MAX);
        self.write(&length.to_le_bytes());
        self.write(&timestamp_ms.to_le_bytes());
        self.write(encoded);
        self.count += 1;
        self.newest_ms = timestamp_ms;
    }

    /// Adds an interaction that may not be the newest: newer ones are removed and appended again.
    fn insert(&mut self, place: &PlaceRef<'_>, encoded: &[u8]) {
        let (at, older) = self.find(place);
        if older == 0 && self.count == KEPT {
            return;
        }
        let newer = self.bytes(at, self.used);
        self.used = at;
        self.count = older;
        self.append(place.timestamp_ms, encoded);
        for (timestamp_ms, encoded) in records(&newer) {
            self.append(timestamp_ms, encoded);
        }
    }

    /// The position for an interaction: the offset, and the number of older interactions.
    fn find(&self, place: &PlaceRef<'_>) -> (usize, usize) {
        let mut at = 0;
        for older in 0..self.count {
            let encoded_at = at + PREFIX_BYTES;
            let end = encoded_at + self.length(at);
            let timestamp_ms = i64::from_le_bytes(self.array(at + LENGTH_BYTES));
            let by_id = || {
                let known = event_id_of(&self.bytes(encoded_at, end));
                known.map_or(Ordering::Equal, |id| id.compare(&place.event_id))
            };
            let order = timestamp_ms.cmp(&place.timestamp_ms);
            if order.then_with(by_id).is_ge() {
                return (at, older);
            }
            at = end;
        }
        (at, self.count)
    }

    fn drop_oldest(&mut self) {
        let length = PREFIX_BYTES + self.length(0);
        self.start = (self.start + length) % self.ring.len();
        self.used -= length;
        self.count -= 1;
    }

    /// Length of the interaction at an offset, bytes.
    fn length(&self, at: usize) -> usize {
        u32::from_le_bytes(self.array(at)) as usize
    }

    /// The bytes at an offset.
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|byte| self.ring[(self.start + at + byte) % self.ring.len()])
    }

    /// Reserves space for the next interaction, and for further ones of the same size.
    fn grow(&mut self, needed: usize) {
        let wanted = if self.count == 0 {
            KEPT_AT_FIRST
        } else {
            KEPT.saturating_sub(self.count)
        };
        let mut ring = self.linear();
        ring.resize(self.used + needed * wanted.max(1), 0);
        ring.shrink_to_fit();
        self.ring = ring;
        self.start = 0;
    }

    /// Writes behind the used bytes, where [`Self::grow`] reserved space.
    fn write(&mut self, bytes: &[u8]) {
        let at = (self.start + self.used) % self.ring.len();
        let (first, rest) = bytes.split_at(bytes.len().min(self.ring.len() - at));
        self.ring[at..at + first.len()].copy_from_slice(first);
        self.ring[..rest.len()].copy_from_slice(rest);
        self.used += bytes.len();
    }

    /// All used bytes in order.
    fn linear(&self) -> Vec<u8> {
        self.bytes(0, self.used)
    }

    /// The used bytes between two offsets.
    fn bytes(&self, from: usize, to: usize) -> Vec<u8> {
        let turn = self.ring.len();
        let [from, to] = [from, to].map(|at| self.start + at);
        let first = &self.ring[from.min(turn)..to.min(turn)];
        let rest = &self.ring[from.saturating_sub(turn)..to.saturating_sub(turn)];
        [first, rest].concat()
    }
}

/// The interactions in linear bytes, oldest first, each with its time.
fn records(bytes: &[u8]) -> Vec<(i64, &[u8])> {
    let mut from = Reader::new(bytes);
    let mut next = || {
        let length = u32::from_le_bytes(from.array()?) as usize;
        let timestamp_ms = i64::from_le_bytes(from.array()?);
        Some((timestamp_ms, from.bytes(length)?))
    };
    std::iter::from_fn(&mut next).collect()
}
