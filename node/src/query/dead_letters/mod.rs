//! What is done with refused events: found, listed, counted, sent in again, forgotten.

mod cursor;
mod discard;
mod filter;
mod listing;
mod redrive;
mod refused_again;
mod service;
mod summary;

pub use service::DeadLetterHandler;
