//! What is done with refused events: found, listed, counted, sent in again, forgotten.

mod discard;
mod filter;
mod listing;
mod redrive;
mod refused_again;
mod service;
mod summary;
mod walk;

pub use service::DeadLetterDoor;
