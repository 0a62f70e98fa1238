//! `homeroom course`.

mod follow;
mod list;
mod roster;
mod windows;

use std::time::Duration;

use homeroom_client::Client;

use crate::args::{ReadArgs, WindowArgs, duration};
use crate::{error::CliError, output::Output};

/// Show all courses, or one: its roster, who needs help most first, and why.
///
/// An unknown course: with --json, `found` is false and the exit code 0, since that is an answer;
/// without, the exit code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The course's id; all courses when not given.
    course: Option<String>,
    /// Only learners who need help.
    #[arg(long, requires = "course", conflicts_with = "windows")]
    needing_help: bool,
    /// The number of learners to show; all when not given, 100 with --watch.
    #[arg(long, value_name = "N", allow_negative_numbers = true, requires = "course", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Follow the course: the roster now, and again after each change, until Ctrl-C.
    #[arg(long, requires = "course", conflicts_with = "windows")]
    watch: bool,
    /// With --watch: no two answers are closer together than this; at least 100ms.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1s")]
    min_interval: Duration,
    /// The windows of the whole class instead of its roster.
    #[arg(long, requires = "course")]
    windows: bool,
    #[command(flatten)]
    shape: WindowArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    match &args.course {
        None => list::run(client, &args, output).await,
        Some(course) if args.windows => windows::run(client, course, &args, output).await,
        Some(course) if args.watch => follow::run(client, course, &args, output).await,
        Some(course) => roster::run(client, course, &args, output).await,
    }
}
