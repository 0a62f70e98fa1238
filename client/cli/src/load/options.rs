//! The options of a load.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use tonic::transport::Uri;

use homeroom_client::ClientOptions;

/// How fast batches are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// No schedule: each source keeps its window full. Latency is then a function of the window.
    Max,
    /// Events a second, all sources together, on a fixed schedule.
    PerSecond(NonZeroU32),
}

/// The options of a load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The nodes; each connection of the load tries them in this order.
    pub endpoints: Vec<Uri>,
    /// Deadlines of queries and probes.
    pub client: ClientOptions,
    /// How fast batches are due.
    pub rate: Rate,
    /// Active learners, all equally active; at least 1.
    pub learners: u32,
    /// All learners, at least `learners`. Those beyond `learners` have one or two early events
    /// each.
    pub seen: u32,
    /// Courses that the learners are spread over; at least 1.
    pub courses: u32,
    /// Length of the measured phase.
    pub measured_for: Duration,
    /// Events in a batch; at least 1.
    pub batch: u32,
    /// Events in flight at [`Rate::Max`], all sources together. At a fixed rate only the
    /// publishers' own bounds hold.
    pub window_events: u32,
    /// Queries a second; 0 for none.
    pub reads_per_second: u32,
    /// Probes a second: events watched until a query shows them; 0 for none. At most one in each
    /// batch.
    pub probes_per_second: u32,
    /// The seed of the events, together with the start time.
    pub seed: u64,
    /// Skips the arrival phase.
    pub cold: bool,
    /// A publisher gives up when nothing was acknowledged for this long.
    pub give_up_after: Duration,
    /// The baselines to measure afterwards, if any.
    pub baselines: Option<BaselineOptions>,
}

/// Which baselines to measure.
#[derive(Clone, Debug)]
pub struct BaselineOptions {
    /// How long each takes, at most.
    pub each: Duration,
    /// The folder of the file that is appended to; must be on a real disk.
    pub dir: PathBuf,
}
