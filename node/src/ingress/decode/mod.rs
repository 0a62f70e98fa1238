//! From the bytes of a delivery to an event, or to a refusal with its reason.
//!
//! Pure functions without runtime, I/O or clock. The time is in the [`DeliveryContext`]. Each form
//! (`native`, `xapi`, `proto`) fills a draft, and `check` alone refuses drafts, so that all forms
//! are refused for the same reasons in the same order.

mod check;
mod context;
mod delivery;
mod draft;
mod fault;
mod labels;
mod limits;
mod members;
mod metadata;
mod native;
mod proto;
mod quantity;
mod score;
mod text;
mod timestamp;
mod xapi;

#[cfg(test)]
pub(super) mod tests;

pub use context::DeliveryContext;
pub use limits::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX, FUTURE_TOLERANCE_MS, NAME_BYTES_MAX};
pub use native::decode_native;
pub use proto::{decode_proto, to_proto};
pub use xapi::{SoundStatement, XAPI_SOURCE, decode_sound, decode_standard_xapi, decode_xapi};
