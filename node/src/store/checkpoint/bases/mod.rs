//! Bases: a group's whole state at one position, in immutable checked files: one with the whole state as it was once, and those with
//! what changed since, each going on from the one before. Which files make a base follows from their headers.
//!
//! A file is a run of frames, each `kind (1) · body length (4) · crc32c (4) · body`; the crc covers
//! kind, length and body; integers are little endian.
//!
//! ```text
//! header   format version, group, cluster id, position, record count, hash sum, length of the meta;
//!          of changes (version 2) also the position that they go on from
//! meta     a piece of the caller's meta bytes; as many frames as it takes
//! records  key length (2) · payload length (4) · key · payload, repeated; keys ascend over the file;
//!          of changes, all ones for the length of a record that is no more
//! end      record count, hash sum (of this file), xxh3-64 of all bytes before this frame
//! ```
//!
//! Each frame can be checked by itself, so a base may be streamed and rejected early; only the end
//! frame makes it whole. Count and hash sum in the header are of the whole state: a base is only valid
//! if what comes of all its files agrees with its newest one. [`BaseWriter`] and [`BaseReader`] work on
//! any streams, [`BaseDir`] keeps a group's files.

mod base_dir;
mod base_error;
mod base_info;
mod base_reader;
mod base_writer;
pub(super) mod changed_keys;
mod format;
mod frame_stream;
mod part_reader;
mod throttle;
mod uncached_file;
mod verify;

pub(super) use base_dir::{BASES_KEPT, BaseDir};
pub use base_error::BaseError;
pub use base_info::{BaseFile, BaseInfo};
pub use base_reader::{BaseReader, BaseRecord};
pub use base_writer::BaseWriter;
pub use format::{BaseHeader, CLUSTER_ID_BYTES_MAX};
pub use throttle::Throttle;
