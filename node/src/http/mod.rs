//! The HTTP API: metrics, health, events, xAPI statements, and reads as JSON.
//!
//! Translates between HTTP and the rest of the node. [Ingress](crate::ingress) decides what is
//! accepted; the gRPC services answer the reads.

mod body;
mod content;
mod error;
mod events;
mod events_answer;
mod gate;
mod health;
mod metrics;
mod openapi;
mod position;
mod read;
mod router;
mod server;
mod split;
mod state;
mod web;
mod xapi;

#[cfg(test)]
mod tests;

pub use body::BodyLimits;
pub use error::HttpError;
pub use gate::Gate;
pub use read::{ReadServices, Reads};
pub use router::router;
pub use server::serve;
pub use state::HttpState;
pub use web::{WebRules, guarded};
