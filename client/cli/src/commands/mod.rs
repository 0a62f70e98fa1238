//! The commands, one file or folder each. All transport is the library's.

mod cluster;
mod course;
mod dead_letters;
mod doctor;
mod get;
mod ingest;
mod load;
mod settings;
mod settings_change;
mod watch;
mod windows;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use homeroom_client::{Client, ClientOptions, parse_endpoints};

use crate::{args::duration, error::CliError, output::Output, terminal::escape_line};

/// Homeroom's command line: publishes events, asks for learners, looks after the cluster.
///
/// Exit codes: 0 success, 1 failure (one line on stderr says what to do), 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "homeroom", version)]
struct Cli {
    /// The nodes to ask, separated by commas; the next is tried when one is unreachable.
    #[arg(
        long,
        global = true,
        value_name = "URL[,URL…]",
        env = "HOMEROOM_ENDPOINT",
        default_value = "http://127.0.0.1:7400"
    )]
    endpoint: String,
    /// How long to retry a call (ingest and load have their own --retry-seconds).
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// Print JSON: one document, or one a line where the command streams.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ingest(ingest::Args),
    Get(get::Args),
    Windows(windows::Args),
    Watch(watch::Args),
    Course(course::Args),
    DeadLetters(dead_letters::Args),
    Settings(settings::Args),
    Cluster(cluster::Args),
    Doctor(doctor::Args),
    Load(load::Args),
}

/// Parses the arguments, runs the command, and reports a failure in one line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // One thread is enough, since inputs are read on another one. A second worker would cost more
    // in wake-ups than it gains.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CliError::Io(error)),
    };
    let result = runtime.block_on(run(cli));
    // In the background: a thread that reads a silent pipe never ends.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &CliError) -> ExitCode {
    // A closed stderr changes nothing.
    let _ = writeln!(
        io::stderr(),
        "homeroom: {}",
        escape_line(&error.to_string())
    );
    ExitCode::from(error.exit_code())
}

async fn run(cli: Cli) -> Result<(), CliError> {
    let options = ClientOptions {
        deadline: cli.timeout,
        ..ClientOptions::default()
    };
    let endpoints = parse_endpoints(&cli.endpoint)?;
    let client = Client::connect_with(endpoints.clone(), options)?;
    let mut output = Output::new(cli.json);
    match cli.command {
        Command::Ingest(args) => ingest::run(&client, args, &mut output).await,
        Command::Get(args) => get::run(&client, args, &mut output).await,
        Command::Windows(args) => windows::run(&client, args, &mut output).await,
        Command::Watch(args) => watch::run(&client, args, &mut output).await,
        Command::Course(args) => course::run(&client, args, &mut output).await,
        Command::DeadLetters(args) => dead_letters::run(&client, args, &mut output).await,
        Command::Settings(args) => settings::run(&client, args, &mut output).await,
        Command::Cluster(args) => cluster::run(&client, args, &mut output).await,
        Command::Doctor(args) => doctor::run(&client, args, &mut output).await,
        Command::Load(args) => load::run((endpoints, options), args, &mut output).await,
    }?;
    output.flush()
}
