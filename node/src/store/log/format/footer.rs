//! The footer: the last record of a sealed segment, which holds the segment's contents.
//!
//! Opening the log reads it instead of the whole segment. It adds nothing: where it is missing or
//! damaged, a read of the whole segment gives the same.
//!
//! Its payload ends with its own offset and a magic number, so that it is found from the end of the
//! file.

use std::collections::{BTreeMap, VecDeque};

use super::codec;
use super::contents::{LiveEntries, RecordPlace, Run, SegmentContents};
use super::headers::{ALIGN, u32_at};
use super::ledger::Ledger;
use super::record::{Control, KIND_HEAD};
use crate::store::fields::Fields;
use crate::store::log::entry::GroupId;

/// The record kind of a footer.
pub(crate) const KIND_FOOTER: u8 = 11;
/// Bytes at the end of a segment from which [`offset_in`] finds its footer.
pub(crate) const TRAILER_LEN: usize = 8;

/// Version of the payload. A segment whose footer has another one is read as a whole.
const VERSION: u8 = 1;
const MAGIC: u32 = 0x544F_4F46;

/// The payload of the footer that begins at `offset`.
pub(crate) fn encode(contents: &SegmentContents, offset: u32) -> Vec<u8> {
    let head = contents.ledger.head().encode();
    let mut out = vec![VERSION];
    codec::put_u64(&mut out, head.len() as u64);
    out.extend_from_slice(&head);
    codec::put_u64(&mut out, contents.live.len() as u64);
    for (group, live) in &contents.live {
        codec::put_group(&mut out, *group);
        put_live(&mut out, live);
    }
    out.resize(
        (out.len() + TRAILER_LEN).next_multiple_of(ALIGN) - TRAILER_LEN,
        0,
    );
    codec::put_u32(&mut out, offset);
    codec::put_u32(&mut out, MAGIC);
    out
}

/// The offset of the footer of a segment that ends with these bytes.
pub(crate) fn offset_in(end: &[u8]) -> Option<u32> {
    let trailer = end.last_chunk::<TRAILER_LEN>()?;
    (u32_at(trailer, 4) == MAGIC).then(|| u32_at(trailer, 0))
}

/// The contents in the payload of a footer at `offset`. `None` for a payload that is not as
/// [`encode`] makes it, or of another version.
pub(crate) fn decode(payload: &[u8], offset: u32) -> Option<SegmentContents> {
    let (payload, trailer) = payload.split_last_chunk::<TRAILER_LEN>()?;
    if offset_in(trailer)? != offset {
        return None;
    }
    let mut fields = Fields::new(payload);
    if fields.u8()? != VERSION {
        return None;
    }
    let head = usize::try_from(fields.u64()?).ok()?;
    let head = Control::decode(KIND_HEAD, fields.take(head)?)?;
    let mut ledger = Ledger::default();
    ledger.control(&head);
    let mut live = BTreeMap::new();
    for _ in 0..fields.u64()? {
        let group = codec::read_group(&mut fields)?;
        let entries = read_live(&mut fields, payload.len(), offset)?;
        if !is_within(&ledger, group, &entries) || live.insert(group, entries).is_some() {
            return None;
        }
    }
    // At most the padding is left.
    let padding = fields.rest();
    let is_padding = padding.len() < ALIGN && padding.iter().all(|byte| *byte == 0);
    is_padding.then_some(SegmentContents { ledger, live })
}

/// Whether a group's range has room for these entries.
fn is_within(ledger: &Ledger, group: GroupId, live: &LiveEntries) -> bool {
    let range = ledger.groups.get(&group);
    let entries = range.and_then(|meta| meta.next.checked_sub(meta.first));
    entries.is_some_and(|entries| (1..=entries).contains(&live.len()))
}

/// Places are stored as differences, in units of the records' alignment: 2 to 4 bytes an entry.
fn put_live(out: &mut Vec<u8>, live: &LiveEntries) {
    codec::put_u64(out, live.runs().len() as u64);
    for run in live.runs() {
        codec::put_leader(out, run.leader);
        out.push(run.tag);
        codec::put_u32(out, run.entries);
    }
    codec::put_u64(out, live.len());
    let mut end = 0;
    for place in live.places() {
        put_varint(out, (place.offset - end) / ALIGN as u32);
        put_varint(out, place.len / ALIGN as u32);
        end = place.offset + place.len;
    }
}

/// Entries before the footer's `offset`. A count is at most the number of bytes that are there.
fn read_live(fields: &mut Fields<'_>, bytes: usize, offset: u32) -> Option<LiveEntries> {
    let runs = codec::read_list(fields, |fields| {
        Some(Run {
            leader: codec::read_leader(fields)?,
            tag: fields.u8()?,
            entries: fields.u32()?,
        })
    })?;
    let count = usize::try_from(fields.u64()?).ok()?;
    if count > bytes {
        return None;
    }
    let mut places = VecDeque::with_capacity(count);
    let mut end = 0_u32;
    for _ in 0..count {
        let begin = end.checked_add(read_varint(fields)?.checked_mul(ALIGN as u32)?)?;
        let len = read_varint(fields)?.checked_mul(ALIGN as u32)?;
        end = begin.checked_add(len).filter(|end| *end <= offset)?;
        places.push_back(RecordPlace { offset: begin, len });
    }
    LiveEntries::new(places, runs.into())
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(fields: &mut Fields<'_>) -> Option<u32> {
    let mut value = 0;
    for shift in (0..).step_by(7).take(5) {
        let byte = fields.u8()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::entry::{Leader, Position, Vote};
    use crate::store::log::format::record::EntryFields;

    fn contents() -> SegmentContents {
        let mut contents = SegmentContents::default();
        let leader = Leader { term: 3, node: 4 };
        contents.control(&Control::Head {
            segments: vec![(3, Some(5)), (7, None)],
            groups: Vec::new(),
        });
        for (nth, offset) in [(0, 88), (1, 4096), (2, 900_000), (3, 80_000_000)] {
            let fields = EntryFields {
                group: 1 + (nth as u16) / 3,
                position: Position {
                    leader,
                    index: 9 + nth,
                },
                tag: nth as u8 / 2,
            };
            let len = 80 + 800_000 * nth as u32;
            assert!(contents.entry(fields, RecordPlace { offset, len }));
        }
        let committed = true;
        let vote = Vote { leader, committed };
        contents.control(&Control::Vote { group: 5, vote });
        contents
    }

    const OFFSET: u32 = 90_000_000;

    #[test]
    fn contents_come_back_as_they_were() {
        for contents in [contents(), SegmentContents::default()] {
            let payload = encode(&contents, OFFSET);
            assert_eq!(payload.len() % ALIGN, 0);
            assert_eq!(offset_in(&payload), Some(OFFSET));
            assert_eq!(decode(&payload, OFFSET), Some(contents));
            assert_eq!(decode(&payload, OFFSET - 8), None);
        }
    }

    /// Behind a checksum that holds, but whatever comes, nothing panics or takes memory.
    #[test]
    fn every_flipped_bit_and_every_cut_is_no_panic() {
        let payload = encode(&contents(), OFFSET);
        for bit in 0..payload.len() * 8 {
            let mut flipped = payload.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            decode(&flipped, OFFSET);
        }
        for len in 0..payload.len() {
            assert_eq!(decode(&payload[..len], OFFSET), None, "{len} bytes");
        }
    }

    #[test]
    fn another_version_is_no_footer() {
        let mut payload = encode(&contents(), OFFSET);
        payload[0] += 1;
        assert_eq!(decode(&payload, OFFSET), None);
    }

    #[test]
    fn numbers_of_every_length_come_back() {
        for value in (0..=32).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits]) {
            let Ok(value) = u32::try_from(value) else {
                continue;
            };
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let fields = &mut Fields::new(&out);
            assert_eq!(read_varint(fields), Some(value));
            assert!(fields.is_empty());
        }
        assert_eq!(read_varint(&mut Fields::new(&[0xff; 5])), None);
    }
}
