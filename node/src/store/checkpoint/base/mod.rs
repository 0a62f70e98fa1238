//! Bases: a shard's whole state at one position, in an immutable checked file.
//!
//! A file is a run of frames, each `kind (1) · body length (4) · crc32c (4) · body`; the crc covers
//! kind, length and body; integers are little endian.
//!
//! ```text
//! header   format version, shard, cluster id, position, record count, hash sum, length of the meta
//! meta     a piece of the caller's meta bytes; as many frames as it takes
//! records  key length (2) · payload length (4) · key · payload, repeated; keys ascend over the file
//! end      record count, hash sum, xxh3-64 of all bytes before this frame
//! ```
//!
//! Each frame can be checked by itself, so a base may be streamed and rejected early; only the end
//! frame makes it whole. [`BaseWriter`] and [`BaseReader`] work on any stream, [`BaseDir`] keeps a
//! shard's files.

mod base_dir;
mod base_error;
mod base_reader;
mod base_writer;
mod format;
mod frame_stream;
mod quiet_file;

pub(super) use base_dir::BaseDir;
pub use base_dir::BaseInfo;
pub use base_error::BaseError;
pub use base_reader::{BaseReader, BaseRecord};
pub use base_writer::BaseWriter;
pub use format::{BaseHeader, CLUSTER_ID_BYTES_MAX};
