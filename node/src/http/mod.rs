//! The HTTP side: metrics, health, events, statements of the learning standards, and reads as JSON.
//!
//! Translates between HTTP and the rest of the node, and decides nothing: what becomes of an event, the [`Intake`] says.

mod body;
mod content;
mod elements;
mod error;
mod events;
mod events_answer;
mod health;
mod intake;
mod metrics;
mod position;
mod read;
mod refused_statement;
mod router;
mod server;
mod state;
mod xapi;

#[cfg(test)]
mod tests;

pub use body::BodyLimits;
pub use error::HttpError;
pub use intake::{Intake, IntakeError, Posted, Receipt, StatementsReceipt, Unsound};
pub use read::{Reads, routes as read_routes};
pub use refused_statement::RefusedStatement;
pub use router::router;
pub use server::{ServerOptions, serve};
pub use state::HttpState;
