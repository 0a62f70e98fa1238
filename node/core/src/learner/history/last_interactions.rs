//! The newest interactions of a learner.

use std::{cell::RefCell, cmp::Ordering};

use super::{
    course::Courses,
    interaction::{Interaction, encode, event_id_of},
};
use crate::{
    learner::compact::{
        course_slot::CourseSlot,
        key::{Arrival, PlaceRef},
        memory::vec_bytes,
    },
    wire::{Put, Reader},
};

/// How many interactions a profile shows.
const KEPT: usize = 10;
/// Room is made for so many at first.
const KEPT_AT_FIRST: usize = 4;
/// What stands before an interaction in the ring: how long it is, and its time.
const LENGTH_BYTES: usize = 4;
const PREFIX_BYTES: usize = LENGTH_BYTES + size_of::<i64>();
/// What a processor fetches at a time, on most.
const LINE_BYTES: usize = 64;

thread_local! {
    /// What is on its way into a ring.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The ten newest interactions, oldest first, one behind the other in a ring of bytes: one comes and one goes with most events.
#[derive(Clone, Debug, Default)]
pub struct LastInteractions {
    ring: Vec<u8>,
    /// Where the oldest begins.
    start: usize,
    used: usize,
    count: usize,
    /// Time of the newest.
    newest_ms: i64,
}

/// By what is kept: where it lies in the ring depends on what was there before.
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
        // Where the next one goes, and where the oldest may have to make room.
        let end = self.start + self.used;
        byte(end) ^ byte(end + LINE_BYTES) ^ byte(self.start)
    }

    /// Adds an interaction, unless ten newer ones are known.
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

    /// What they take beside their own fields.
    pub fn heap_bytes(&self) -> usize {
        vec_bytes(&self.ring)
    }

    /// Appends the stored form: of each, oldest first, what it does not share with the one before it.
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

    /// Adds the newest; the oldest goes when there are more than ten.
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

    /// Adds what may not be the newest: the newer ones are taken out, and put back behind it.
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

    /// Where an interaction belongs: behind so many bytes, and so many older ones.
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

    /// How long the interaction is that begins behind so many bytes.
    fn length(&self, at: usize) -> usize {
        u32::from_le_bytes(self.array(at)) as usize
    }

    /// Those behind so many.
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|byte| self.ring[(self.start + at + byte) % self.ring.len()])
    }

    /// Makes room for one more, and for those that will come if they are as the ones that are there.
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

    /// Writes behind what is used, where room was made.
    fn write(&mut self, bytes: &[u8]) {
        let at = (self.start + self.used) % self.ring.len();
        let (first, rest) = bytes.split_at(bytes.len().min(self.ring.len() - at));
        self.ring[at..at + first.len()].copy_from_slice(first);
        self.ring[..rest.len()].copy_from_slice(rest);
        self.used += bytes.len();
    }

    /// What is used, from its beginning to its end.
    fn linear(&self) -> Vec<u8> {
        self.bytes(0, self.used)
    }

    /// A part of it.
    fn bytes(&self, from: usize, to: usize) -> Vec<u8> {
        let turn = self.ring.len();
        let [from, to] = [from, to].map(|at| self.start + at);
        let first = &self.ring[from.min(turn)..to.min(turn)];
        let rest = &self.ring[from.saturating_sub(turn)..to.saturating_sub(turn)];
        [first, rest].concat()
    }
}

/// The interactions in bytes that are no ring, oldest first, each with its time.
fn records(bytes: &[u8]) -> Vec<(i64, &[u8])> {
    let mut from = Reader::new(bytes);
    let mut next = || {
        let length = u32::from_le_bytes(from.array()?) as usize;
        let timestamp_ms = i64::from_le_bytes(from.array()?);
        Some((timestamp_ms, from.bytes(length)?))
    };
    std::iter::from_fn(&mut next).collect()
}
