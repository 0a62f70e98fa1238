//! The node's clock: log time of its shards, and what ingress judges timestamps by.
//!
//! Must not know: shards, events.

mod anchor;
mod node_clock;

pub use node_clock::NodeClock;
