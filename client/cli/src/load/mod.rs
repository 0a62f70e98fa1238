//! Measures a node's latency of insight under a load of lifelike events.
//!
//! Three sources publish, each on a stream of its own. Batches are due on a fixed schedule, and all times count from when something
//! was *due*: a node that stalls, or a generator that falls behind, shows as latency, where a loop that waits for its answers would
//! just ask less (coordinated omission). *Ack* is from due to outcome. *Insight* is from due to the answer of a query that shows the
//! event (`prober` says how). *Read* is a recommender's query, on a schedule and a connection of its own.
//!
//! Before that all learners come in, as fast as it goes; that is reported by itself.
//!
//! It runs on the caller's runtime. A single thread is enough, and disturbs the node beside it least: alone it makes and publishes
//! 0.8 million events a second to a sink that does nothing. Knows nothing of the node but its contract.

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

pub use baselines::{BaselineOptions, Baselines};
pub use error::LoadError;
pub use latencies::Quantiles;
pub use ledger::NotHeld;
pub use options::{LoadOptions, Rate};
pub use report::Report;

/// Between two calls of `on_progress`.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// How far a load is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// What it does at present.
    pub stage: Stage,
    /// Since that began.
    pub passed: Duration,
    /// How long that will take; none when nobody knows.
    pub planned: Option<Duration>,
    /// Events acknowledged since that began.
    pub acknowledged: u64,
    /// Events acknowledged a second, since the last call.
    pub events_per_second: f64,
    /// From due to outcome, since the last call.
    pub ack: Quantiles,
    /// From due to shown, since the last call.
    pub insight: Quantiles,
    /// Since that began.
    pub errors: u64,
}

/// What a load does at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Learners come in.
    #[default]
    Arrival,
    /// Everything is measured.
    Measured,
    /// The same events go to a server that does nothing.
    NullSink,
    /// They are appended to a file.
    Append,
    /// They are aggregated by hand.
    InMemory,
}

/// Puts the load on the node and measures, then the baselines; tells of its progress every second. `stop` ends it early, with figures
/// for what was measured; all that is under way is waited for in any case.
///
/// # Errors
/// When no node can be reached, or this machine refuses a timer or a file. What fails later is counted in the report.
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
    // Of a load that ended in its first phase nothing was measured.
    if !stop.is_cancelled() {
        let planned = Some(options.measured_for);
        let work = phase.measure(&connections);
        lasted = follow(&phase, (Stage::Measured, planned), work, &mut on_progress).await?;
    }
    let measured = phase.ledger.close();
    let mut report = Report::new(options, (arrival.as_ref(), &measured), lasted);
    if let Some(file) = file.filter(|_| !report.interrupted) {
        // What would share the cores with them goes first.
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
            // What was measured of the node stands.
            Err(error) => report.fail(format!("a baseline: {error}")),
        }
    }
    Ok(report)
}

/// Whose events are generated, and from which seed and time.
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

/// Tells of a phase's progress until its work has ended.
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
