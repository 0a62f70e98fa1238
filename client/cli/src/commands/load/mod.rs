//! `homeroom load`.

mod progress;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use homeroom_client::ClientOptions;
use tokio_util::sync::CancellationToken;
use tonic::transport::Uri;

use crate::{
    error::CliError,
    load::{BaselineOptions, LoadOptions, Rate, Report, load},
    output::Output,
};
use progress::LoadProgress;

/// Measure the latency of insight under a load of lifelike events.
///
/// First all learners come in, as fast as possible; that is reported by itself. Then three sources
/// publish, an LMS, an assessment tool and a video player, while some of their events are watched
/// for and learners are queried. At a fixed rate everything is due on a schedule, and all times
/// count from when it was due, whatever the node does. Figures: ack, from due to outcome; insight,
/// from due to the answer of a query that shows the event; read, from due to the answer of a query.
/// What never completed counts with the time until it was given up. The report says whether the
/// rate was held.
///
/// It fills the node with learners `learner-000000` and so on, and is not for a node in use. Ctrl-C
/// (or SIGTERM) ends it early, with figures. Exit code 0 only when nothing failed and everything
/// sent was acknowledged.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Events a second, all sources together; `max` for as fast as the window allows.
    #[arg(long, value_name = "EVENTS/S|max", allow_negative_numbers = true, value_parser = rate)]
    rate: Rate,
    /// Learners who are active, all equally.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    learners: u32,
    /// How long to measure.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Events in a batch.
    #[arg(long, value_name = "EVENTS", allow_negative_numbers = true, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// Learners in all, at least as many as --learners; those beyond them came earlier, once, and
    /// are no longer active.
    #[arg(long, value_name = "M", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    seen: Option<u32>,
    /// Courses that the learners are spread over.
    #[arg(long, value_name = "C", allow_negative_numbers = true, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    courses: u32,
    /// Queries a second; 0 for none.
    #[arg(long, value_name = "R/S", allow_negative_numbers = true, default_value_t = 500, value_parser = clap::value_parser!(u32).range(..=100_000))]
    reads: u32,
    /// Events a second that are watched for until a query shows them; 0 for none. At most one in
    /// each batch.
    #[arg(long, value_name = "P/S", allow_negative_numbers = true, default_value_t = 50, value_parser = clap::value_parser!(u32).range(..=1_000))]
    probes: u32,
    /// Events on their way at `--rate max`, all sources together; 256 batches when not given.
    /// Latency is then a function of it.
    #[arg(long, value_name = "EVENTS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    window_events: Option<u32>,
    /// The seed of the events; random when not given. No two runs have an event in common, not even
    /// with one seed.
    #[arg(long, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Leave out the arrival of the learners.
    #[arg(long)]
    cold: bool,
    /// Fail when nothing was acknowledged for this long.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    retry_seconds: u64,
    /// Measure afterwards what the same machine does with the same events when less is asked of it:
    /// gRPC to a sink that does nothing, bare appends with fdatasync, the same aggregation in
    /// memory. They run at the greatest rate: for ratios, take --rate max.
    #[arg(long)]
    baselines: bool,
    /// Where a temporary file is appended to. Use the disk of the node's data: a file system in
    /// memory would say nothing.
    #[arg(long, value_name = "DIR", default_value = ".", requires = "baselines")]
    baseline_dir: PathBuf,
    /// How long each baseline takes, at most.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600), requires = "baselines")]
    baseline_seconds: u64,
}

impl Args {
    /// Checks that need more than one option.
    fn check(&self) -> Result<(), CliError> {
        match self.seen {
            Some(seen) if seen < self.learners => Err(CliError::FewerSeen),
            _ => Ok(()),
        }
    }
}

/// The default of `--window-events`, in batches.
const WINDOW_BATCHES: u32 = 256;

fn rate(text: &str) -> Result<Rate, String> {
    match text {
        "max" => Ok(Rate::Max),
        number => match number.parse() {
            Ok(rate) => Ok(Rate::PerSecond(rate)),
            Err(_) => Err("write a number of events a second, at least 1, or max".to_owned()),
        },
    }
}

pub(super) async fn run(
    (endpoints, client): (Vec<Uri>, ClientOptions),
    args: Args,
    output: &mut Output,
) -> Result<(), CliError> {
    // Huge pages off: clearing 2 MiB at a page fault would delay the generator and show as the
    // node's latency. The call fails on kernels without huge pages; the error is ignored.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    args.check()?;
    let options = options(endpoints, client, &args);
    let stop = CancellationToken::new();
    let mut progress = LoadProgress::start();
    let work = load(&options, &stop, |now| progress.update(now));
    let report = tokio::select! {
        report = work => report?,
        twice = interrupted_twice(&stop) => {
            twice?;
            return Err(CliError::Interrupted);
        }
    };
    drop(progress);
    match output.is_json() {
        true => output.json(&report)?,
        false => table::show(&report, output)?,
    }
    verdict(&report, output)
}

/// The first Ctrl-C or SIGTERM ends the load and reports; a second one ends the process.
async fn interrupted_twice(stop: &CancellationToken) -> std::io::Result<()> {
    interrupted().await?;
    stop.cancel();
    interrupted().await
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

fn options(endpoints: Vec<Uri>, client: ClientOptions, args: &Args) -> LoadOptions {
    let window_events = args.window_events;
    LoadOptions {
        endpoints,
        client,
        rate: args.rate,
        learners: args.learners,
        seen: args.seen.unwrap_or(args.learners),
        courses: args.courses,
        measured_for: Duration::from_secs(args.seconds),
        batch: args.batch,
        window_events: window_events.unwrap_or(args.batch * WINDOW_BATCHES),
        reads_per_second: args.reads,
        probes_per_second: args.probes,
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..)),
        cold: args.cold,
        give_up_after: Duration::from_secs(args.retry_seconds),
        baselines: args.baselines.then(|| BaselineOptions {
            each: Duration::from_secs(args.baseline_seconds),
            dir: args.baseline_dir.clone(),
        }),
    }
}

fn verdict(report: &Report, output: &mut Output) -> Result<(), CliError> {
    let unacknowledged = report.unacknowledged();
    if report.errors == 0 && unacknowledged == 0 {
        return Ok(());
    }
    // The figures are printed before the error.
    output.flush()?;
    Err(CliError::Load {
        errors: report.errors,
        unacknowledged,
        unknown: report.in_doubt(),
        first: report.error_messages.first().cloned(),
    })
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    #[test]
    fn an_error_of_a_negative_number_names_its_option() {
        let command = || Args::augment_args(Command::new("load"));
        let all = command();
        let all = all
            .get_arguments()
            .filter(|option| option.get_action().takes_values());
        let numeric = all
            .filter_map(clap::Arg::get_long)
            .filter(|name| *name != "baseline-dir");
        for name in numeric {
            let option = format!("--{name}");
            let parsed = command().try_get_matches_from(["load", &option, "-5"]);
            let said = parsed.expect_err("a negative number").to_string();
            let expected = format!("invalid value '-5' for '{option} <");
            assert!(said.contains(&expected), "{said}");
        }
    }

    #[test]
    fn fewer_seen_than_active_is_wrong_usage() {
        let command = Args::augment_args(Command::new("load"));
        let words = ["load", "--rate", "1", "--learners", "10", "--seen", "9"];
        let matches = command.get_matches_from(words);
        let args = Args::from_arg_matches(&matches).expect("arguments");
        let refused = args.check().expect_err("too few");
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.to_string().contains("--learners"));
    }
}
