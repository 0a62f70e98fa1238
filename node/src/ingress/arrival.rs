//! What the receiving node knows of a delivery beside its bytes.

use homeroom_core::Settings;

/// The circumstances under which a delivery came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'s> {
    /// The receiving node's clock, ms since the epoch.
    pub now_ms: i64,
    /// Where it came in: `grpc` or `http`. Counts for deliveries that name no source.
    pub listener: &'s str,
    /// The settings in force.
    pub settings: &'s Settings,
}
