//! `homeroom ingest`.

mod progress;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use homeroom_client::{Client, PublisherOptions, Tally, v1::RawFormat};
use serde::Serialize;

use crate::{
    error::CliError,
    ingest::{IngestError, IngestOptions, ingest},
    input::Source,
    output::Output,
    render,
};
use progress::IngestProgress;

/// Publish a file of events, or standard input.
///
/// One event a line (native JSON or xAPI statements), or top-level JSON arrays of them; gzip is
/// detected. Everything is sent as it is written and decoded by the node: what is no valid event is
/// refused there, kept as a dead letter and counted here. Sending the same input twice is safe:
/// what was taken before is counted as duplicate. When a node fails, the events without an outcome
/// are sent again; those that still have none in the end, and may or may not be stored, are counted
/// as unknown, and the run fails. Memory is bounded: a line over 1 MiB is cut (and refused as
/// oversized), an array's element over 16 MiB ends the run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file; `-` for standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// The source of events that don't name one (xAPI statements).
    #[arg(long, value_name = "NAME", default_value = "")]
    source: String,
    /// Events in a batch.
    #[arg(long, value_name = "EVENTS", allow_negative_numbers = true, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,
    /// How events are written; `auto` detects it from the first event.
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Fail when nothing was acknowledged for this long.
    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        default_value_t = 60
    )]
    retry_seconds: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Auto,
    Native,
    Xapi,
}

/// The JSON answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    received: u64,
    accepted: u64,
    duplicate: u64,
    shadowed: u64,
    dead_lettered: BTreeMap<String, u64>,
    /// May or may not be stored. Not in `received`.
    unknown: u64,
    /// Certainly not stored. Not in `received`, and without what was not read from the file.
    not_stored: u64,
    seconds: f64,
    events_per_second: f64,
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    let source = open(&args.file)?;
    let progress = IngestProgress::start(source.progress());
    let started = Instant::now();
    let reader = source
        .into_reader()
        .map_err(|error| cannot_open(&args.file, error))?;
    let result = ingest(client, reader, &options(&args), |tally, trouble| {
        progress.update(tally.received(), trouble);
    })
    .await;
    drop(progress);
    let (tally, failure) = match result {
        Ok(tally) => (tally, None),
        Err(IngestError { tally, kind }) => (tally, Some(kind)),
    };
    let summary = summary(&tally, started.elapsed());
    match output.is_json() {
        true => output.json(&summary)?,
        false => show(&summary, output)?,
    }
    let Some(kind) = failure else { return Ok(()) };
    // The counts are printed before the error.
    output.flush()?;
    let tally = Box::new(tally);
    Err(CliError::Ingest { tally, kind })
}

fn open(file: &Path) -> Result<Source, CliError> {
    let source = match file.as_os_str() == "-" {
        true => Source::stdin(),
        false => Source::open(file),
    };
    source.map_err(|error| cannot_open(file, error))
}

fn cannot_open(file: &Path, error: std::io::Error) -> CliError {
    CliError::Open {
        path: file.display().to_string(),
        error,
    }
}

fn options(args: &Args) -> IngestOptions {
    let give_up_after = Duration::from_secs(args.retry_seconds);
    IngestOptions {
        source: args.source.clone(),
        batch_count_max: args.batch as usize,
        format: match args.format {
            Format::Auto => None,
            Format::Native => Some(RawFormat::NativeJson),
            Format::Xapi => Some(RawFormat::XapiJson),
        },
        publisher: PublisherOptions {
            give_up_after,
            ..PublisherOptions::default()
        },
    }
}

fn summary(tally: &Tally, elapsed: Duration) -> Summary {
    let seconds = elapsed.as_secs_f64();
    let thousandths = |value: f64| (value * 1_000.0).round() / 1_000.0;
    Summary {
        received: tally.received(),
        accepted: tally.accepted,
        duplicate: tally.duplicate,
        shadowed: tally.shadowed,
        dead_lettered: tally.dead_lettered_by_reason().collect(),
        unknown: tally.unknown,
        not_stored: tally.not_stored,
        seconds: thousandths(seconds),
        events_per_second: thousandths(tally.received() as f64 / seconds.max(1e-9)),
    }
}

fn show(summary: &Summary, output: &mut Output) -> Result<(), CliError> {
    let mut table = render::table(["outcome", "events"]);
    let dead_lettered: u64 = summary.dead_lettered.values().sum();
    let rows = [
        ("accepted", summary.accepted),
        ("duplicate", summary.duplicate),
        ("shadowed", summary.shadowed),
        ("dead-lettered", dead_lettered),
    ];
    for (name, count) in rows {
        table.add_row([name.into(), render::number(count)]);
    }
    for (reason, count) in &summary.dead_lettered {
        table.add_row([format!("  {reason}").into(), render::number(count)]);
    }
    table.add_row(["received".into(), render::number(summary.received)]);
    table.add_row(["unknown".into(), render::number(summary.unknown)]);
    if summary.not_stored > 0 {
        table.add_row(["not stored".into(), render::number(summary.not_stored)]);
    }
    output.text(table)?;
    let (seconds, rate) = (summary.seconds, summary.events_per_second);
    output.text(format_args!("in {seconds:.1} s, {rate:.0} events/s"))
}
