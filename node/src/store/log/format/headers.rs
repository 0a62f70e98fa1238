//! The bytes of a segment file: its header, and the header of each record.
//!
//! Records begin at multiples of 8. In every version, present and future, a record header has its
//! magic at byte 0, its version at byte 4 and its checksum at byte 28. So an older build can tell
//! "newer" from "damaged".

use crate::store::log::entry::SegmentId;

/// Alignment of records, and so of their headers.
pub(crate) const ALIGN: usize = 8;
/// Size of a segment file's header.
pub(crate) const FILE_HEADER_LEN: usize = 32;
/// Size of a record header.
pub(crate) const RECORD_HEADER_LEN: usize = 32;
/// Size of the fields before an entry's payload.
pub(crate) const ENTRY_FIELDS_LEN: usize = 40;
/// Largest payload of an entry, in bytes.
pub const PAYLOAD_BYTES_MAX: u64 = 64 << 20;

/// Version of segment files and records that this build writes.
const VERSION: u8 = 1;
const FILE_MAGIC: [u8; 8] = *b"HOMELOG\n";
const RECORD_MAGIC: u32 = 0x4C47_5248;
/// Largest payload of any record. A larger length counts as damage.
const RECORD_PAYLOAD_MAX: u32 = 1 << 30;

/// Size of an entry's whole record, for a payload of `payload_len` bytes.
pub(crate) fn entry_record_len(payload_len: usize) -> u64 {
    record_len(ENTRY_FIELDS_LEN + payload_len) as u64
}

/// Size of a record with a payload of `payload_len` bytes, padding included.
pub(crate) fn record_len(payload_len: usize) -> usize {
    RECORD_HEADER_LEN + payload_len.next_multiple_of(ALIGN)
}

/// Content of a segment file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) segment: SegmentId,
    /// A random number shared by all segments of one log.
    pub(crate) log: u64,
}

/// A header that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Damaged,
    Newer(u32),
}

impl FileHeader {
    pub(crate) fn encode(self) -> [u8; FILE_HEADER_LEN] {
        let mut bytes = [0; FILE_HEADER_LEN];
        bytes[0..8].copy_from_slice(&FILE_MAGIC);
        bytes[8..12].copy_from_slice(&u32::from(VERSION).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.segment.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.log.to_le_bytes());
        let crc = Self::crc(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes: &[u8; FILE_HEADER_LEN] = bytes.first_chunk().ok_or(HeaderFault::Damaged)?;
        if bytes[0..8] != FILE_MAGIC || u32_at(bytes, 12) != Self::crc(bytes) {
            return Err(HeaderFault::Damaged);
        }
        match u32_at(bytes, 8) {
            version if version == u32::from(VERSION) => Ok(Self {
                segment: u64_at(bytes, 16),
                log: u64_at(bytes, 24),
            }),
            version => Err(HeaderFault::Newer(version)),
        }
    }

    fn crc(bytes: &[u8; FILE_HEADER_LEN]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&bytes[0..12]), &bytes[16..32])
    }
}

/// Place of a record. It is part of the header's checksum, so that a copy of a record elsewhere,
/// for example inside a payload, is not taken for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u32,
}

/// The header in front of a record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) kind: u8,
    pub(crate) payload_len: u32,
    pub(crate) payload_crc: u32,
    /// Number of the write batch. A batch is written only once the batch before it is durable.
    pub(crate) batch: u64,
    /// Offset of that batch in this segment. Everything before it was durable when this record was
    /// written.
    pub(crate) batch_start: u32,
    /// Whether the log keeps a mark. Builds before the mark left the flag at 0.
    pub(crate) has_mark: bool,
}

impl RecordHeader {
    pub(crate) fn encode(self, place: Place) -> [u8; RECORD_HEADER_LEN] {
        let mut bytes = [0; RECORD_HEADER_LEN];
        bytes[0..4].copy_from_slice(&RECORD_MAGIC.to_le_bytes());
        bytes[4] = VERSION;
        bytes[5] = self.kind;
        bytes[6] = u8::from(self.has_mark);
        bytes[8..12].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.payload_crc.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.batch.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.batch_start.to_le_bytes());
        let crc = Self::crc(&bytes, place);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the front of `bytes`, which begin at `place`.
    pub(crate) fn decode(bytes: &[u8], place: Place) -> Result<Self, HeaderFault> {
        let bytes: &[u8; RECORD_HEADER_LEN] = bytes.first_chunk().ok_or(HeaderFault::Damaged)?;
        if u32_at(bytes, 0) != RECORD_MAGIC || u32_at(bytes, 28) != Self::crc(bytes, place) {
            return Err(HeaderFault::Damaged);
        }
        if bytes[4] != VERSION {
            return Err(HeaderFault::Newer(u32::from(bytes[4])));
        }
        let header = Self {
            kind: bytes[5],
            payload_len: u32_at(bytes, 8),
            payload_crc: u32_at(bytes, 12),
            batch: u64_at(bytes, 16),
            batch_start: u32_at(bytes, 24),
            has_mark: bytes[6] & 1 == 1,
        };
        if header.payload_len > RECORD_PAYLOAD_MAX {
            Err(HeaderFault::Damaged)
        } else {
            Ok(header)
        }
    }

    /// The checksum in an encoded header. It includes the record's place and the checksum of its
    /// payload.
    pub(crate) fn crc_in(encoded: &[u8; RECORD_HEADER_LEN]) -> u32 {
        u32_at(encoded, 28)
    }

    /// Size of the whole record.
    pub(crate) fn record_len(self) -> usize {
        record_len(self.payload_len as usize)
    }

    fn crc(bytes: &[u8; RECORD_HEADER_LEN], place: Place) -> u32 {
        let crc = crc32c::crc32c(&bytes[0..28]);
        let crc = crc32c::crc32c_append(crc, &place.segment.to_le_bytes());
        crc32c::crc32c_append(crc, &place.offset.to_le_bytes())
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: RecordHeader = RecordHeader {
        kind: 3,
        payload_len: 40,
        payload_crc: 7,
        batch: 9,
        batch_start: 64,
        has_mark: true,
    };
    const PLACE: Place = Place {
        segment: 5,
        offset: 128,
    };

    #[test]
    fn a_record_header_is_valid_only_where_it_was_written() {
        let bytes = HEADER.encode(PLACE);
        assert_eq!(RecordHeader::decode(&bytes, PLACE), Ok(HEADER));
        for place in [
            Place {
                segment: 6,
                ..PLACE
            },
            Place {
                offset: 136,
                ..PLACE
            },
        ] {
            assert_eq!(
                RecordHeader::decode(&bytes, place),
                Err(HeaderFault::Damaged)
            );
        }
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let record = HEADER.encode(PLACE);
        let file = FileHeader {
            segment: 5,
            log: 77,
        }
        .encode();
        for bit in 0..RECORD_HEADER_LEN * 8 {
            let mut bytes = record;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                RecordHeader::decode(&bytes, PLACE),
                Err(HeaderFault::Damaged),
                "record bit {bit}"
            );
            let mut bytes = file;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                FileHeader::decode(&bytes),
                Err(HeaderFault::Damaged),
                "file bit {bit}"
            );
        }
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut record = HEADER.encode(PLACE);
        record[4] = VERSION + 1;
        let crc = RecordHeader::crc(&record, PLACE);
        record[28..32].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(
            RecordHeader::decode(&record, PLACE),
            Err(HeaderFault::Newer(2))
        );

        let mut file = FileHeader {
            segment: 5,
            log: 77,
        }
        .encode();
        file[8] = VERSION + 1;
        let crc = FileHeader::crc(&file);
        file[12..16].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(FileHeader::decode(&file), Err(HeaderFault::Newer(2)));
    }
}
