//! Homeroom's contract: the messages and services of `homeroom.v1`, generated from the `.proto`
//! files of this crate.
//!
//! It has no code that serves them. In JSON, enums have short names (`OPEN`, not
//! `WINDOW_STATE_OPEN`).

mod json;
mod position;
mod requests;

/// Package `homeroom.v1`.
#[allow(missing_docs, clippy::all, clippy::too_many_lines)]
pub mod v1 {
    tonic::include_proto!("homeroom.v1");

    pub use crate::requests::{PublishRequest, PublishStreamRequest};
}

/// The encoded `FileDescriptorSet`, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// An enum's short name: `WINDOW_STATE_OPEN` without the prefix `WINDOW_STATE_`.
pub use json::short_name;

/// A text that is not a position token.
pub use position::BadPosition;

/// Encodes events as requests hold them.
pub use requests::encoded;
