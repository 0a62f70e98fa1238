//! What the receiving node knows of a delivery beside its bytes.

use homeroom_core::Settings;

use crate::observe::HomePages;

/// The circumstances under which a delivery came in.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryContext<'s> {
    /// The receiving node's clock, ms since the epoch.
    pub now_ms: i64,
    /// When it first came in, ms since the epoch: the time of deliveries that have none. `now_ms`, except for a dead letter.
    pub arrived_ms: i64,
    /// Where it came in: `grpc` or `http`. Counts for deliveries that name no source.
    pub listener: &'s str,
    /// The settings in force.
    pub settings: &'s Settings,
    /// Where the homePages of statements' accounts are noted, if anywhere.
    pub home_pages: Option<&'s HomePages>,
}
