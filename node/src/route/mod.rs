//! Routes a request's deliveries to their shards and returns an outcome for each.
//!
//! Must not know: how deliveries were received, how a shard applies them.

mod delivery_error;
mod position;
mod router;

pub use delivery_error::DeliveryError;
pub use position::{Positions, ShardPosition};
pub use router::{Delivered, RouteError, Routed, Router, UnderWay, Urgency};
