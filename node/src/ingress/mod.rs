//! The door: whatever form an event comes in, it leaves here as a [`homeroom_core::Event`] or as a refusal with its reason.
//!
//! Pure functions: no runtime, no I/O, no clock. Each door (`native`, `xapi`, `proto`) only translates its form into a
//! draft; one place checks drafts, so that all doors refuse the same things for the same reasons in the same order.
//! Knows nothing of duplicates, retention or authority: those need the learner, and come later.

mod decode;
mod grpc;
mod intake;
mod json_intake;
mod statements;

pub use decode::{
    CUT_PAYLOAD_BYTES, DeliveryContext, EVENT_BYTES_MAX, FUTURE_TOLERANCE_MS, NAME_BYTES_MAX,
    XAPI_SOURCE, decode_native, decode_proto, decode_standard_xapi, decode_xapi, to_proto,
};
pub use grpc::IngestHandler;
pub use intake::{
    Admission, DryRunOutcome, Intake, IntakeError, PendingRequest, Receipt, RedriveOutcome,
    RefusedNow, to_reason,
};
pub use json_intake::JsonIntake;
pub use statements::{PostedStatement, RefusedStatement, StatementsReceipt};
