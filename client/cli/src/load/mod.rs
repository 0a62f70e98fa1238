//! Measures a node's latency of insight under a load of lifelike events.
//!
//! Three sources publish, each on a stream of its own. Batches are due on a fixed schedule, and all
//! times count from when something was *due*. So a node that stalls, or a generator that falls
//! behind, shows as latency; a loop that waits for its answers would just send less (coordinated
//! omission). *Ack* is from due to outcome. *Insight* is from due to the answer of a query that
//! shows the event (see `prober`). *Read* is a recommender's query, on a schedule and a connection
//! of its own.
//!
//! The arrival phase comes first: one or two events of each learner, as fast as possible. The
//! report has its figures in a part of their own.
//!
//! The load runs on the caller's runtime. A single thread is enough, and disturbs a node on the
//! same machine least: alone it generates and publishes 0.8 million events a second to a sink that
//! only acknowledges. It must not know more of the node than its contract.

mod baselines;
mod error;
mod feed;
mod generator;
mod latencies;
mod ledger;
mod options;
mod pending_probes;
mod phases;
mod precise_timer;
mod probe_sampler;
mod prober;
mod reader;
mod report;
mod schedule;
mod tracked_publisher;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use baselines::AppendFile;
use generator::{Population, Run};
use ledger::Ledger;
use phases::{Connections, Phase};

use homeroom_client::Client;

pub use baselines::Baselines;
pub use error::LoadError;
pub use latencies::Quantiles;
pub use ledger::NotHeld;
pub use options::{BaselineOptions, LoadOptions, Rate};
pub use report::Report;

/// Between two calls of `on_progress`.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The progress of a load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// The present stage.
    pub stage: Stage,
    /// Since the stage began.
    pub passed: Duration,
    /// The length of the stage; none when unknown.
    pub planned: Option<Duration>,
    /// Events acknowledged since the stage began.
    pub acknowledged: u64,
    /// Events acknowledged a second, since the last call.
    pub events_per_second: f64,
    /// From due to outcome, since the last call.
    pub ack: Quantiles,
    /// From due to shown, since the last call.
    pub insight: Quantiles,
    /// Since the stage began.
    pub errors: u64,
}

/// A stage of a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// All learners arrive.
    #[default]
    Arrival,
    /// The measured phase.
    Measured,
    /// Baseline: the same events to a server that only acknowledges.
    NullSink,
    /// Baseline: the same events appended to a file.
    Append,
    /// Baseline: the same events aggregated in memory.
    InMemory,
}

/// Runs the load and measures, then the baselines. `on_progress` is called every second. `stop`
/// ends it early, with figures for what was measured; everything in flight is awaited in any case.
///
/// # Errors
/// When no node can be reached, or the operating system refuses a timer or a file. Later failures
/// are counted in the report.
pub async fn load(
    options: &LoadOptions,
    stop: &CancellationToken,
    mut on_progress: impl FnMut(&Progress),
) -> Result<Report, LoadError> {
    let connections = Connections::open(options).await?;
    let file = match &options.baselines {
        Some(baselines) => Some((baselines.each, AppendFile::create(&baselines.dir)?)),
        None => None,
    };
    let stop = stop.child_token();
    let mut arrival = None;
    if !options.cold {
        let client = Client::connect_with(options.endpoints.clone(), options.client)?;
        let phase = phase(options, &stop);
        let work = phase.arrive(&client);
        follow(&phase, (Stage::Arrival, None), work, &mut on_progress).await?;
        arrival = Some(phase.ledger.close());
    }
    let phase = phase(options, &stop);
    let mut lasted = Duration::ZERO;
    // A load stopped in its first phase measures nothing.
    if !stop.is_cancelled() {
        let planned = Some(options.measured_for);
        let work = phase.measure(&connections);
        lasted = follow(&phase, (Stage::Measured, planned), work, &mut on_progress).await?;
    }
    let measured = phase.ledger.close();
    let mut report = Report::new(options, (arrival.as_ref(), &measured), lasted);
    if let Some(file) = file.filter(|_| !report.interrupted) {
        // Everything that would share the cores with the baselines is dropped first.
        drop((connections, phase));
        let begin = |stage| {
            on_progress(&Progress {
                stage,
                ..Progress::default()
            });
        };
        let found = baselines::measure(options, file, &stop, report.events_per_second, begin);
        match found.await {
            Ok(found) => report.baselines = Some(found).filter(|_| !stop.is_cancelled()),
            // The node's figures stay valid.
            Err(error) => report.fail(format!("a baseline: {error}")),
        }
    }
    Ok(report)
}

/// The learners of a load, and the identity of its events.
fn population_and_run(options: &LoadOptions) -> (Population, Run) {
    let population = Population {
        learners: options.learners.max(1),
        courses: options.courses.max(1),
    };
    let run = Run {
        seed: options.seed,
        start_ms: now_ms(),
    };
    (population, run)
}

fn phase<'a>(options: &'a LoadOptions, stop: &CancellationToken) -> Phase<'a> {
    let (population, run) = population_and_run(options);
    Phase {
        options,
        population,
        run,
        ledger: Arc::new(Ledger::new()),
        stop: stop.clone(),
    }
}

/// The wall clock, ms since the epoch.
fn now_ms() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Calls `on_progress` every second until the work of a phase has ended.
async fn follow<T>(
    phase: &Phase<'_>,
    (stage, planned): (Stage, Option<Duration>),
    work: impl Future<Output = io::Result<T>>,
    mut on_progress: impl FnMut(&Progress),
) -> io::Result<T> {
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    let mut before = (Duration::ZERO, 0);
    loop {
        tokio::select! {
            ended = &mut work => return ended,
            _ = ticks.tick() => {
                let passed = phase.ledger.started().elapsed();
                let recent = phase.ledger.look();
                let since = passed.saturating_sub(before.0).as_secs_f64();
                on_progress(&Progress {
                    stage,
                    passed,
                    planned,
                    acknowledged: recent.acknowledged,
                    events_per_second: (recent.acknowledged - before.1) as f64 / since.max(1e-3),
                    ack: recent.ack,
                    insight: recent.insight,
                    errors: recent.errors,
                });
                before = (passed, recent.acknowledged);
            }
        }
    }
}
