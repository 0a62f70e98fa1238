//! Baselines: the throughput of simpler programs with the same events, on the same machine. They
//! run right after the node, because absolute figures drift between runs and ratios drift less.

mod append;
mod in_memory;
mod null_sink;

use std::io;
use std::time::Duration;

use homeroom_proto::v1;
use prost::Message;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    LoadError, LoadOptions, Rate, Stage,
    generator::{Generator, Source},
    latencies::rounded,
    phase, population_and_run,
    schedule::TURNS,
};
use homeroom_client::Client;

pub(super) use append::AppendFile;
pub use append::AppendFsync;
use null_sink::NullSink;

/// The figures of the baselines.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Baselines {
    /// Generator and publishers at the greatest rate, against a gRPC server in this process that
    /// only acknowledges.
    pub null_sink_events_per_second: f64,
    /// The encoded batches, appended to a file and synced.
    pub append_fsync: AppendFsync,
    /// One thread that decodes and aggregates in hash maps, without durability and watermarks.
    pub in_memory_events_per_second: f64,
    /// The node's events a second over each.
    pub ratios: Ratios,
}

/// The node's events a second over those of each baseline. Meaningful when the node ran at
/// [`Rate::Max`].
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ratios {
    /// Over the null sink.
    pub null_sink: f64,
    /// Over one fdatasync for each batch.
    pub append_fsync_per_batch: f64,
    /// Over one fdatasync for each MiB.
    pub append_fsync_per_mib: f64,
    /// Over the aggregation in memory.
    pub in_memory: f64,
}

/// Measures all baselines, one after the other.
pub(super) async fn measure(
    options: &LoadOptions,
    (each, file): (Duration, AppendFile),
    stop: &CancellationToken,
    node_events_per_second: f64,
    mut on_stage: impl FnMut(Stage),
) -> Result<Baselines, LoadError> {
    on_stage(Stage::NullSink);
    let null_sink = null_sink(options, each, stop).await?;
    on_stage(Stage::Append);
    let batches = Batches::new(options);
    let stopped = stop.clone();
    let append_fsync = blocking(move || append::measure(file, batches, each, &stopped)).await?;
    on_stage(Stage::InMemory);
    let batches = Batches::new(options);
    let stopped = stop.clone();
    let in_memory = blocking(move || in_memory::measure(batches, each, &stopped)).await?;
    let over = |baseline: f64| rounded(node_events_per_second / baseline.max(1e-9));
    Ok(Baselines {
        null_sink_events_per_second: rounded(null_sink),
        append_fsync,
        in_memory_events_per_second: rounded(in_memory),
        ratios: Ratios {
            null_sink: over(null_sink),
            append_fsync_per_batch: over(append_fsync.per_batch.events_per_second),
            append_fsync_per_mib: over(append_fsync.per_mib.events_per_second),
            in_memory: over(in_memory),
        },
    })
}

/// On a thread of its own, so that the runtime still handles signals.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(io::Error::other)?
}

async fn null_sink(
    options: &LoadOptions,
    each: Duration,
    stop: &CancellationToken,
) -> Result<f64, LoadError> {
    let sink = NullSink::start()?;
    let options = LoadOptions {
        endpoints: vec![sink.uri()?],
        rate: Rate::Max,
        measured_for: each,
        ..options.clone()
    };
    let client = Client::connect_with(options.endpoints.clone(), options.client)?;
    let phase = phase(&options, stop);
    let lasted = phase.saturate(&client, each).await?;
    let measurements = phase.ledger.close();
    if let Some(message) = measurements.error_messages.first() {
        return Err(io::Error::other(format!("the null sink failed: {message}")).into());
    }
    sink.stop()?;
    let seconds = lasted.max(measurements.last_ack).as_secs_f64();
    Ok(measurements.acknowledged() as f64 / seconds.max(1e-9))
}

/// Encoded batches of all sources, in the same turns as those sent to the node.
pub(super) struct Batches {
    generators: [Generator; 3],
    start_ms: i64,
    batch: usize,
    turn: usize,
}

/// An encoded request.
struct Encoded {
    bytes: Vec<u8>,
    events: u64,
}

impl Batches {
    fn new(options: &LoadOptions) -> Self {
        let (population, run) = population_and_run(options);
        Self {
            generators: Source::ALL.map(|source| Generator::new(run, source, population)),
            start_ms: run.start_ms,
            batch: options.batch as usize,
            turn: 0,
        }
    }

    /// The next batch, a millisecond after the one before.
    fn next(&mut self) -> Encoded {
        let source = TURNS[self.turn % TURNS.len()];
        let at_ms = self.start_ms + self.turn as i64;
        self.turn += 1;
        let events = self.generators[source as usize].batch(self.batch, at_ms);
        let request = v1::PublishRequest {
            events: homeroom_proto::encoded(&events),
            raw: None,
        };
        Encoded {
            bytes: request.encode_to_vec(),
            events: request.events.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use homeroom_client::ClientOptions;

    pub(super) fn options() -> LoadOptions {
        LoadOptions {
            endpoints: Vec::new(),
            client: ClientOptions::default(),
            rate: Rate::PerSecond(NonZeroU32::MIN),
            learners: 100,
            seen: 100,
            courses: 3,
            measured_for: Duration::from_millis(200),
            batch: 100,
            window_events: 6_400,
            reads_per_second: 0,
            probes_per_second: 0,
            seed: 1,
            cold: true,
            give_up_after: Duration::from_secs(60),
            baselines: None,
        }
    }

    #[tokio::test]
    async fn each_baseline_gives_figures_and_its_file_has_no_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = AppendFile::create(dir.path()).expect("a file");
        let named = std::fs::read_dir(dir.path()).expect("the folder").count();
        assert_eq!(named, 0, "nothing is left when the process is killed");
        let mut stages = Vec::new();
        let each = Duration::from_millis(200);
        let (options, stop) = (options(), CancellationToken::new());
        let found = measure(&options, (each, file), &stop, 1_000.0, |stage| {
            stages.push(stage);
        });
        let found = found.await.expect("figures");
        assert_eq!(stages, [Stage::NullSink, Stage::Append, Stage::InMemory]);
        let ratios = found.ratios;
        assert!(found.null_sink_events_per_second > 0.0 && ratios.null_sink > 0.0);
        assert!(found.in_memory_events_per_second > 0.0 && ratios.in_memory > 0.0);
        let appended = found.append_fsync;
        assert!(appended.per_batch.syncs > 0 && appended.per_batch.events_per_second > 0.0);
    }

    #[test]
    fn a_folder_that_is_none_is_refused_at_once() {
        let refused = AppendFile::create(std::path::Path::new("no/such/folder"));
        let message = refused.err().map(|error| error.to_string());
        assert!(message.is_some_and(|message| message.contains("no/such/folder")));
    }
}
