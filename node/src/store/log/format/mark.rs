//! The bytes of the mark, which says how far the log is durable.
//!
//! The mark's file has [`SLOTS`] slots of one page each, and each slot has a mark with a checksum.
//! The furthest valid one counts.

use super::headers::{HeaderFault, u32_at, u64_at};
use crate::store::log::entry::SegmentId;

/// Slots of the file: the durable one, the one that is being made durable, and the one that is
/// written. So a crash at any time tears at most two.
pub(crate) const SLOTS: usize = 3;
/// Size of a slot. No two slots share a sector or a page.
pub(crate) const SLOT_BYTES: usize = 4096;

const MAGIC: [u8; 8] = *b"HOMEMARK";
const VERSION: u32 = 1;
/// Bytes of a slot that have a meaning; the others are 0.
const USED: usize = 40;

/// A place up to which the log is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The log's random number.
    pub(crate) log: u64,
    /// The segment; 0 before the first one.
    pub(crate) segment: SegmentId,
    /// Offset of the end of the last durable record in it.
    pub(crate) end: u32,
    /// The checksum in that record's header. It includes that of the payload.
    pub(crate) record_crc: u32,
}

impl Mark {
    /// The mark of a log that has no segments yet.
    pub(crate) fn of_nothing(log: u64) -> Self {
        Self {
            log,
            segment: 0,
            end: 0,
            record_crc: 0,
        }
    }

    /// The content of a slot.
    pub(crate) fn encode(self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.log.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.segment.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.end.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.record_crc.to_le_bytes());
        let crc = Self::crc(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The furthest mark in the bytes of the whole file, with the number of its slot.
    ///
    /// # Errors
    /// When a newer build wrote one of the slots, or no slot is valid.
    pub(crate) fn furthest(file: &[u8]) -> Result<(usize, Self), HeaderFault> {
        let mut furthest: Option<(usize, Self)> = None;
        for (nth, slot) in file.chunks(SLOT_BYTES).take(SLOTS).enumerate() {
            match Self::decode(slot) {
                Ok(mark) => {
                    let is_further = furthest.is_none_or(|(_, other)| mark.place() > other.place());
                    furthest = if is_further {
                        Some((nth, mark))
                    } else {
                        furthest
                    };
                }
                Err(HeaderFault::Damaged) => {}
                Err(newer) => return Err(newer),
            }
        }
        furthest.ok_or(HeaderFault::Damaged)
    }

    fn place(self) -> (SegmentId, u32) {
        (self.segment, self.end)
    }

    fn decode(slot: &[u8]) -> Result<Self, HeaderFault> {
        let bytes: &[u8; USED] = slot.first_chunk().ok_or(HeaderFault::Damaged)?;
        if bytes[0..8] != MAGIC || u32_at(bytes, 12) != Self::crc(bytes) {
            return Err(HeaderFault::Damaged);
        }
        match u32_at(bytes, 8) {
            VERSION => Ok(Self {
                log: u64_at(bytes, 16),
                segment: u64_at(bytes, 24),
                end: u32_at(bytes, 32),
                record_crc: u32_at(bytes, 36),
            }),
            version => Err(HeaderFault::Newer(version)),
        }
    }

    fn crc(slot: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&slot[0..12]), &slot[16..USED])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        log: 0x0807_0605_0403_0201,
        segment: 9,
        end: 0x1234,
        record_crc: 0xaabb_ccdd,
    };

    fn further(mark: Mark) -> Mark {
        Mark {
            end: mark.end + 8,
            ..mark
        }
    }

    #[test]
    fn a_slot_has_the_bytes_that_every_build_reads() {
        const USED_BYTES: [u8; USED] = *b"HOMEMARK\x01\0\0\0\xad\xeb\x06\xf1\
            \x01\x02\x03\x04\x05\x06\x07\x08\x09\0\0\0\0\0\0\0\x34\x12\0\0\xdd\xcc\xbb\xaa";
        let slot = MARK.encode();
        assert_eq!(slot[..USED], USED_BYTES);
        assert!(slot[USED..].iter().all(|byte| *byte == 0));
        assert_eq!(Mark::furthest(&slot), Ok((0, MARK)));
    }

    #[test]
    fn every_flipped_bit_of_a_slot_costs_that_slot_only() {
        for bit in 0..USED * 8 {
            let mut file = [MARK.encode(), further(MARK).encode()].concat();
            file[SLOT_BYTES + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::furthest(&file), Ok((0, MARK)), "bit {bit}");
            let only = file.split_off(SLOT_BYTES);
            assert_eq!(
                Mark::furthest(&only),
                Err(HeaderFault::Damaged),
                "bit {bit}"
            );
        }
        assert_eq!(Mark::furthest(&[]), Err(HeaderFault::Damaged));
        assert_eq!(Mark::furthest(&[0; 3]), Err(HeaderFault::Damaged));
    }

    #[test]
    fn the_furthest_mark_counts_in_whichever_slot_it_is() {
        let next = Mark {
            segment: MARK.segment + 1,
            end: 8,
            ..MARK
        };
        let marks = [MARK, further(MARK), next];
        for first in 0..SLOTS {
            let slots = (0..SLOTS).map(|nth| marks[(first + nth) % SLOTS].encode());
            let file = slots.collect::<Vec<_>>().concat();
            let slot = SLOTS - 1 - first;
            assert_eq!(Mark::furthest(&file), Ok((slot, next)));
        }
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut file = [MARK.encode(), further(MARK).encode()].concat();
        file[8] = 2;
        let crc = Mark::crc(&file[..SLOT_BYTES]);
        file[12..16].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Mark::furthest(&file), Err(HeaderFault::Newer(2)));
    }
}
