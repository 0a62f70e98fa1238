//! The HTTP side: metrics, health, statements of the learning standards, and reads as JSON.
//!
//! Translates between HTTP and the rest of the node, and decides nothing: what becomes of an event, the [`Intake`] says.

mod body;
mod error;
mod health;
mod intake;
mod metrics;
mod position;
mod read;
mod router;
mod server;
mod statement;
mod xapi;

#[cfg(test)]
mod tests;

pub use body::BodyLimits;
pub use error::{HttpError, RefusedStatement};
pub use intake::{Intake, IntakeError, IntakeOutcome, IntakeStatus};
pub use read::{Reads, routes as read_routes};
pub use router::{HttpState, router};
pub use server::{ServerOptions, serve};
