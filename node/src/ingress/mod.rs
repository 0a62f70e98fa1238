//! Decodes deliveries of every form into [`homeroom_core::Event`]s or refusals, and hands them to
//! the router.
//!
//! `decode` is pure; `intake` uses the clock, the queues and the router. Duplicates, retention and
//! authority are decided later, by the shard: they need the learner's state.

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
