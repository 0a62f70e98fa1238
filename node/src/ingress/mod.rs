//! The door: whatever form an event comes in, it leaves here as a [`homeroom_core::Event`] or as a refusal with its reason.
//!
//! Pure functions: no runtime, no I/O, no clock. Each door (`native`, `xapi`, `proto`) only translates its form into a
//! draft; one place checks drafts, so that all doors refuse the same things for the same reasons in the same order.
//! Knows nothing of duplicates, retention or authority: those need the learner, and come later.

mod admission;
mod arrival;
mod check;
mod delivery;
mod draft;
mod fault;
mod fields;
mod intake;
mod json_intake;
mod limits;
mod members;
mod metadata;
mod native;
mod outcome;
mod proto;
mod quantity;
mod redelivery;
mod score;
mod service;
mod statements;
mod text;
mod timestamp;
mod wire;
mod xapi;

#[cfg(test)]
mod tests;

pub use admission::Admission;
pub use arrival::Arrival;
pub use intake::{Intake, IntakeError, Receipt, Taken};
pub use json_intake::JsonIntake;
pub use limits::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX, FUTURE_TOLERANCE_MS, NAME_BYTES_MAX};
pub use native::decode_native;
pub use outcome::to_reason;
pub use proto::{decode_proto, to_proto};
pub use redelivery::{DryRunOutcome, RedriveOutcome, RefusedNow};
pub use service::IngestDoor;
pub use statements::{PostedStatement, RefusedStatement, StatementsReceipt};
pub use xapi::{XAPI_SOURCE, decode_standard_xapi, decode_xapi};
