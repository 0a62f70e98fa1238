//! From a request's deliveries to their shards and back: every delivery gets its outcome.
//!
//! Must not know: how deliveries came in, how a shard applies them.

mod position;
mod router;

pub use position::Positions;
pub use router::{Delivered, RouteError, Routed, Router, UnderWay, Urgency};
