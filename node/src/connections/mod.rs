//! Open connections of a listener: how many there are, which of them must make room, and when one
//! is closed because its peer is silent or does not read.
//!
//! Must not know: HTTP paths, gRPC services, what a call does.

mod acceptor;
mod call;
mod calls;
mod guarded;
mod handles;
mod peer;
mod table;

pub use acceptor::Acceptor;
pub use calls::{CallLimits, bounded};
pub use guarded::GuardedStream;
pub use handles::{HandlePlan, TooFewHandles, handle_limit, raise_handle_limit};
pub use peer::Peer;
pub use table::{ConnectionLimits, ConnectionTable};
