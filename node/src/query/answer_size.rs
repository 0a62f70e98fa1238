//! Bounds of answers in bytes.

use prost::Message;

/// Maximum size of the lists in an answer, bytes. Clients accept 4 MiB by default; the rest of an
/// answer, mostly its freshness, is at most [`FRESHNESS_BYTES_MAX`] and some KiB.
pub const ANSWER_BYTES_MAX: usize = 2 << 20;
/// Maximum size of the freshness of all shards in an answer, bytes.
pub const FRESHNESS_BYTES_MAX: usize = 256 << 10;

/// Size of a message within another one, bytes: at most 10 for its field number and length.
pub fn size_within(message: &impl Message) -> usize {
    message.encoded_len() + 10
}
