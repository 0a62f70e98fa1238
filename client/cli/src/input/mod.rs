//! Cuts files of events into payloads, without decoding them: JSON lines or top-level JSON arrays,
//! plain or gzipped.
//!
//! All functions block, so they belong on a thread of their own. Memory is bounded for any input.
//! Lines are slices of shared chunks. A line or element over
//! [`PAYLOAD_BYTES_MAX`](lines::PAYLOAD_BYTES_MAX) is cut to
//! [`OVERSIZED_PREFIX_BYTES`](lines::OVERSIZED_PREFIX_BYTES), which the node refuses as oversized.
//! An array element over [`ELEMENT_BYTES_MAX`](elements::ELEMENT_BYTES_MAX) ends the input with an
//! error.

mod elements;
mod format;
mod lines;
mod payloads;
mod source;

pub use payloads::{InputError, PayloadGroup, read_payloads};
pub use source::{Source, SourceProgress};
