//! Keys of a rig's records, in the order in which they are read.

use homeroom_core::learner::StatePart;

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A learner's head.
    Head(String),
    /// A learner's block, by its start, ms.
    Block(String, i64),
    /// The time before which a learner's blocks were deleted, ms.
    Swept(String),
    /// A dead letter, by its number.
    Letter(u64),
}

impl Key {
    /// The key of a part of a learner.
    pub fn of(user_id: &str, part: StatePart) -> Self {
        match part {
            StatePart::Head => Self::Head(user_id.to_owned()),
            StatePart::Block(from_ms) => Self::Block(user_id.to_owned(), from_ms),
        }
    }

    /// As bytes: a letter for the kind, a number, the learner.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, number, user_id) = match self {
            Self::Head(user_id) => (b'h', 0, user_id.as_str()),
            Self::Block(user_id, from_ms) => (b'b', from_ms.cast_unsigned(), user_id.as_str()),
            Self::Swept(user_id) => (b's', 0, user_id.as_str()),
            Self::Letter(number) => (b'l', *number, ""),
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(user_id.as_bytes());
        bytes
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, user_id) = rest.split_first_chunk()?;
        let number = u64::from_be_bytes(*number);
        let user_id = String::from_utf8(user_id.to_vec()).ok()?;
        match kind {
            b'h' => Some(Self::Head(user_id)),
            b'b' => Some(Self::Block(user_id, number.cast_signed())),
            b's' => Some(Self::Swept(user_id)),
            b'l' => Some(Self::Letter(number)),
            _ => None,
        }
    }
}
