//! What a load is made of.

use std::num::NonZeroU32;
use std::time::Duration;

use tonic::transport::Uri;

use super::BaselineOptions;
use homeroom_client::ClientOptions;

/// How fast batches are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// No schedule: each source keeps its window full. Latency is then a function of the window.
    Max,
    /// Events a second, all sources together, on a fixed schedule.
    PerSecond(NonZeroU32),
}

/// What a load is made of.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The nodes; each connection of the load tries them in this order.
    pub endpoints: Vec<Uri>,
    /// Waits of queries and probes.
    pub client: ClientOptions,
    /// How fast batches are due.
    pub rate: Rate,
    /// Learners who are active, all equally; at least 1.
    pub learners: u32,
    /// Learners known to the node in all; those beyond `learners` came earlier, once. At least `learners`.
    pub seen: u32,
    /// Courses that the learners are spread over; at least 1.
    pub courses: u32,
    /// Length of the measured phase.
    pub measured_for: Duration,
    /// Events in a batch; at least 1.
    pub batch: u32,
    /// Events sent and not acknowledged at [`Rate::Max`], all sources together. At a fixed rate only the publishers' own bounds hold.
    pub window_events: u32,
    /// Queries a second; 0 for none.
    pub reads_per_second: u32,
    /// Events a second that are watched for; 0 for none. At most one in each batch.
    pub probes_per_second: u32,
    /// What the events are made from, with the time.
    pub seed: u64,
    /// Leaves the arrival phase out.
    pub cold: bool,
    /// A publisher gives up when nothing was acknowledged for this long.
    pub give_up_after: Duration,
    /// What is measured afterwards, beside the node; none for nothing.
    pub baselines: Option<BaselineOptions>,
}
