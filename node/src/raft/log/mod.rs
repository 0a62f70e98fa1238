//! openraft's log storage, over the log of the node.

mod codec;
mod store;

pub(super) use codec::{from_position, to_position};
pub use store::LogStore;
