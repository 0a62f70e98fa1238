//! What is done with refused events: found, listed, counted, sent in again, forgotten.

mod discard;
mod filter;
mod listing;
mod redrive;
mod refused_again;
mod summary;
mod walk;

pub use discard::Discard;
pub use filter::Filter;
pub use listing::{Place, gather, parse_token, shown, to_token};
pub use redrive::Redrive;
pub use summary::Summary;
