//! Dead letters: summarised, listed, re-driven, discarded.

mod cursor;
mod discard;
mod filter;
mod listing;
mod redrive;
mod refused_again;
mod service;
mod summary;

pub use service::DeadLetterHandler;
