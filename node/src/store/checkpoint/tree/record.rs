//! The stored form of a record.
//!
//! ```text
//! stored key    1 byte tag (0 = the group's meta record, 1 = a caller's record), the caller's key
//! stored value  1 byte version, 8 bytes hash (little endian), payload
//! ```
//!
//! The hash covers group, key and payload. Each load verifies it. The group's
//! [`Digest`](crate::store::checkpoint::Digest) sums it up, so that overwriting a record needs only
//! the header of the old one.

use std::fmt;
use std::ops::Deref;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::store::checkpoint::damage::{Damage, key_prefix};
use crate::store::group_id::GroupId;

/// Longest key of a caller's record, in bytes.
pub const KEY_BYTES_MAX: usize = 4 * 1024;
/// Longest payload of one record, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The tag separates the meta record from the callers' keys.
pub(crate) const META_KEY: &[u8] = &[0];
const RECORD_TAG: u8 = 1;
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 9;

/// A verified payload. Dereferences to the bytes that were committed; cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(sled::IVec);

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

/// A verified record, as yielded by a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    stored_key: sled::IVec,
    payload: Payload,
}

impl Record {
    /// The caller's key.
    pub fn key(&self) -> &[u8] {
        &self.stored_key[1..]
    }

    /// The bytes that were committed under the key.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Verifies the value under `stored_key`, which must not be the meta key.
    pub(crate) fn load(
        group: GroupId,
        stored_key: sled::IVec,
        stored: sled::IVec,
    ) -> Result<(Record, u64), Damage> {
        if stored_key.len() < 2 || stored_key[0] != RECORD_TAG {
            return Err(Damage::KeyOrder);
        }
        let (payload, hash) = load(group, &stored_key, stored)?;
        let record = Record {
            stored_key,
            payload,
        };
        Ok((record, hash))
    }
}

/// The key in sled of a caller's record.
pub(crate) fn stored_key(key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(1 + key.len());
    stored.push(RECORD_TAG);
    stored.extend_from_slice(key);
    stored
}

/// Builds the stored value, and returns its hash too.
pub(crate) fn encode(group: GroupId, stored_key: &[u8], payload: &[u8]) -> (Vec<u8>, u64) {
    let hash = record_hash(group, stored_key, payload);
    let mut value = Vec::with_capacity(HEADER_BYTES + payload.len());
    value.push(VERSION);
    value.extend_from_slice(&hash.to_le_bytes());
    value.extend_from_slice(payload);
    (value, hash)
}

/// Verifies a stored value, and returns its hash too.
pub(crate) fn load(
    group: GroupId,
    stored_key: &[u8],
    stored: sled::IVec,
) -> Result<(Payload, u64), Damage> {
    let bad_checksum = || Damage::Checksum {
        key_prefix: key_prefix(&stored_key[1..]),
    };
    let Some((header, payload)) = stored.split_first_chunk::<HEADER_BYTES>() else {
        return Err(bad_checksum());
    };
    let hash = record_hash(group, stored_key, payload);
    if header[1..] != hash.to_le_bytes() {
        return Err(bad_checksum());
    }
    if header[0] != VERSION {
        return Err(Damage::UnknownVersion {
            key_prefix: key_prefix(&stored_key[1..]),
            version: header[0],
        });
    }
    Ok((Payload(stored), hash))
}

/// The hash includes the group, so that a page of another group's tree is not accepted. Key and
/// payload are hashed one after the other, so no other split of the same bytes has the same hash.
pub(crate) fn record_hash(group: GroupId, stored_key: &[u8], payload: &[u8]) -> u64 {
    let key_hash = xxh3_64_with_seed(stored_key, u64::from(group));
    xxh3_64_with_seed(payload, key_hash)
}
