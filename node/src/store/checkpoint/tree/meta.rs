//! The meta record of a group's tree.

use super::record::{self, META_KEY};
use crate::store::checkpoint::damage::Damage;
use crate::store::checkpoint::digest::Digest;
use crate::store::checkpoint::position::Position;
use crate::store::fields::Fields;
use crate::store::group_id::GroupId;

/// Largest caller's part of the meta record, in bytes.
pub const META_BYTES_MAX: usize = 16 * 1024 * 1024;

const FORMAT_VERSION: u16 = 1;

/// A group's last committed checkpoint, without its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMeta {
    /// The log position of the state.
    pub position: Position,
    /// Count and hash of the group's records.
    pub digest: Digest,
    /// The caller's bytes.
    pub bytes: Vec<u8>,
}

impl GroupMeta {
    /// Encodes the value that is stored under [`META_KEY`].
    pub(crate) fn encode(
        position: &Position,
        digest: &Digest,
        bytes: &[u8],
        group: GroupId,
    ) -> Vec<u8> {
        let mut body = Vec::with_capacity(2 + Position::ENCODED_BYTES + 16 + bytes.len());
        body.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        position.encode_into(&mut body);
        body.extend_from_slice(&digest.records.to_le_bytes());
        body.extend_from_slice(&digest.hash_sum.to_le_bytes());
        body.extend_from_slice(bytes);
        record::encode(group, META_KEY, &body).0
    }

    pub(crate) fn load(group: GroupId, stored: sled::IVec) -> Result<GroupMeta, Damage> {
        let (body, _) = record::load(group, META_KEY, stored)?;
        decode(&body).ok_or(Damage::MetaMalformed)
    }
}

fn decode(body: &[u8]) -> Option<GroupMeta> {
    let mut fields = Fields::new(body);
    if fields.u16()? != FORMAT_VERSION {
        return None;
    }
    let position = Position::decode(&mut fields)?;
    let (records, hash_sum) = (fields.u64()?, fields.u64()?);
    let bytes = fields.rest().to_vec();
    let digest = Digest { records, hash_sum };
    Some(GroupMeta {
        position,
        digest,
        bytes,
    })
}
