//! Cuts files of events into payloads, without decoding them: JSON lines, or top-level JSON arrays; gzip is undone on the way.
//!
//! Everything here blocks, and belongs on a thread of its own. Memory is bounded whatever the input holds: lines are sliced out of
//! shared chunks, a line or element over [`PAYLOAD_BYTES_MAX`](lines::PAYLOAD_BYTES_MAX) is cut to [`OVERSIZED_PREFIX_BYTES`](lines::OVERSIZED_PREFIX_BYTES) (enough for the node to refuse
//! it as oversized), an array element over [`ELEMENT_BYTES_MAX`](elements::ELEMENT_BYTES_MAX) ends the input with an error.

mod elements;
mod format;
mod lines;
mod payloads;
mod source;

pub use payloads::{InputError, PayloadGroup, read_payloads};
pub use source::{Source, SourceProgress};
