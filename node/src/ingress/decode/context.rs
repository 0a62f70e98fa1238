//! What decoding needs besides the bytes of a delivery.

use homeroom_core::{Settings, learner_hash, shard_of};

use crate::observe::HomePages;

/// The times, listener and settings under which a delivery is decoded.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryContext<'s> {
    /// By shard: log time on arrival, ms since the epoch. `None` when the shard has none; what is
    /// decoded for it must then not be taken, as it may be in the future.
    pub log_times_ms: &'s [Option<i64>],
    /// When a dead letter first arrived, ms since the epoch; `None` for a new delivery. It is the
    /// event time of statements without one.
    pub first_arrived_ms: Option<i64>,
    /// The listener: `grpc` or `http`. Deliveries without a source are counted under it.
    pub listener: &'s str,
    /// The settings in force.
    pub settings: &'s Settings,
    /// Records the homePages of statements' accounts, for `doctor`. `None` records nothing.
    pub home_pages: Option<&'s HomePages>,
}

impl DeliveryContext<'_> {
    /// The number of shards.
    pub fn shards(&self) -> u32 {
        u32::try_from(self.log_times_ms.len()).unwrap_or(u32::MAX)
    }

    /// Log time on arrival in a shard, ms since the epoch.
    pub fn log_time_ms(&self, shard: u32) -> Option<i64> {
        self.log_times_ms.get(shard as usize).copied().flatten()
    }

    /// Log time on arrival in the shard of a learner, ms since the epoch.
    pub fn log_time_of_ms(&self, user_id: &str) -> Option<i64> {
        self.log_time_ms(shard_of(learner_hash(user_id), self.shards()))
    }

    /// The event time of a learner's statement that has none, ms since the epoch; `None` when it
    /// can't be taken now.
    pub fn arrived_ms(&self, user_id: &str) -> Option<i64> {
        self.first_arrived_ms
            .or_else(|| self.log_time_of_ms(user_id))
    }
}
