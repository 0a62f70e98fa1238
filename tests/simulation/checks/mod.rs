//! What must hold at each seed. Each check stands by itself; the first that fails ends the process.

mod end;
mod history;
mod leaders;
mod liveness;
mod log_ledger;

pub use end::check_end;
pub use history::{Ack, AppliedEntry, History};
pub use leaders::Leaders;
pub use liveness::watch_liveness;
pub use log_ledger::LogLedger;
