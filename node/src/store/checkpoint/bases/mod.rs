//! Bases: a group's whole state at one position, in immutable, checksummed files. One file has a
//! whole state; each later file has the changes since the file before it. The headers say which
//! files form a base.
//!
//! A file is a sequence of frames, each `kind (1) · body length (4) · crc32c (4) · body`. The
//! crc covers kind, length and body. Integers are little endian.
//!
//! ```text
//! header   format version, group, cluster id, position, record count, hash sum, meta length;
//!          of changes (version 2) also the position that they continue
//! meta     a piece of the caller's meta bytes; as many frames as it takes
//! records  key length (2) · payload length (4) · key · payload, repeated; keys ascend;
//!          of changes, a length of all ones for a removed record
//! end      record count, hash sum (of this file), xxh3-64 of all bytes before this frame
//! ```
//!
//! Each frame can be verified by itself, so a base can be streamed and rejected early. Only the end
//! frame completes a file. Count and hash sum in the header are those of the whole state: a base is
//! valid only if all its files together match the newest header. [`BaseWriter`] and [`BaseReader`]
//! work on any stream; [`BaseDir`] manages a group's files.

mod base_dir;
mod base_error;
mod base_info;
mod base_reader;
mod base_writer;
pub(super) mod changed_keys;
mod format;
mod frame_stream;
pub(super) mod incoming;
mod part_reader;
pub(super) mod replace;
mod throttle;
mod uncached_file;
mod verify;

pub(super) use base_dir::{BASES_KEPT, BaseDir};
pub use base_error::BaseError;
pub use base_info::{BaseFile, BaseInfo};
pub use base_reader::{BaseReader, BaseRecord};
pub use base_writer::BaseWriter;
pub use format::{BaseHeader, CLUSTER_ID_BYTES_MAX};
pub use incoming::IncomingBase;
pub use throttle::Throttle;
