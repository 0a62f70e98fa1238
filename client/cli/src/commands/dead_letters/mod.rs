//! `homeroom dead-letters`.

mod list;
mod summary;
mod work;

use clap::Subcommand;
use homeroom_client::{Client, v1};

use crate::{
    args::{reason, time_ms},
    error::CliError,
    output::Output,
};

/// Look at refused events, send them in again, forget them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The refused events themselves, newest first.
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// The number to show; 0 for all.
        #[arg(
            long,
            value_name = "EVENTS",
            allow_negative_numbers = true,
            default_value_t = 100
        )]
        limit: u64,
    },
    /// How many there are by source and reason, and what became of each source's events.
    Summary {
        #[command(flatten)]
        filter: FilterArgs,
    },
    /// Send them in once more, under the settings now in force. What is taken is kept no more; what
    /// is refused again stays.
    Redrive {
        #[command(flatten)]
        filter: FilterArgs,
        /// Only report which would pass. Refusals by the learner (late, beyond_retention, poison,
        /// learner_full) can't be predicted.
        #[arg(long)]
        dry_run: bool,
    },
    /// Forget them. They stay counted.
    Discard {
        #[command(flatten)]
        filter: FilterArgs,
        /// All of them: needed where no filter says which.
        #[arg(long, conflicts_with_all = ["source", "reason", "from", "to"])]
        all: bool,
        /// Only report how many would go.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which dead letters.
#[derive(Clone, Debug, PartialEq, clap::Args)]
struct FilterArgs {
    /// Of this source only.
    #[arg(long, value_name = "NAME", default_value = "")]
    source: String,
    /// With this reason only, for instance `bad_timestamp`.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Option<v1::DeadLetterReason>,
    /// Refused at or after this.
    #[arg(long, value_name = "RFC3339|MS", value_parser = time_ms, allow_hyphen_values = true)]
    from: Option<i64>,
    /// Refused before this.
    #[arg(long, value_name = "RFC3339|MS", value_parser = time_ms, allow_hyphen_values = true)]
    to: Option<i64>,
}

impl From<FilterArgs> for v1::DeadLetterFilter {
    fn from(args: FilterArgs) -> Self {
        Self {
            source: args.source,
            reason: args.reason.unwrap_or_default().into(),
            from_ms: args.from,
            to_ms: args.to,
        }
    }
}

impl FilterArgs {
    fn is_empty(&self) -> bool {
        let Self {
            source,
            reason,
            from,
            to,
        } = self;
        source.is_empty() && reason.is_none() && from.is_none() && to.is_none()
    }
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    match args.command {
        Command::List { filter, limit } => list::list(client, filter, limit, output).await,
        Command::Summary { filter } => summary::summary(client, filter, output).await,
        Command::Redrive { filter, dry_run } => {
            work::redrive(client, filter, dry_run, output).await
        }
        Command::Discard {
            filter,
            all,
            dry_run,
        } => {
            // A dry run deletes nothing.
            if filter.is_empty() && !all && !dry_run {
                return Err(CliError::NoFilter);
            }
            work::discard(client, filter, dry_run, output).await
        }
    }
}
