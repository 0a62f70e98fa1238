//! What decoding needs besides the bytes of a delivery.

use homeroom_core::Settings;

use crate::observe::HomePages;

/// The time, listener and settings under which a delivery is decoded.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryContext<'s> {
    /// Log time on arrival, ms since the epoch.
    pub now_ms: i64,
    /// When the delivery first arrived, ms since the epoch. It is the event time of statements
    /// without one. Equal to `now_ms`, except for a dead letter.
    pub arrived_ms: i64,
    /// The listener: `grpc` or `http`. Deliveries without a source are counted under it.
    pub listener: &'s str,
    /// The settings in force.
    pub settings: &'s Settings,
    /// Records the homePages of statements' accounts, for `doctor`. `None` records nothing.
    pub home_pages: Option<&'s HomePages>,
}
