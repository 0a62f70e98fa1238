//! `homeroom windows`.

use homeroom_client::{Client, v1};
use homeroom_proto::short_name;
use serde::Serialize;

use crate::args::{ReadArgs, WindowArgs, time_ms};
use crate::{error::CliError, output::Output, render};

/// Rows per table: a longer result is printed as several tables, so that memory stays bounded.
const TABLE_ROWS_MAX: usize = 1_000;

/// Show the windows of one learner, oldest first, or those of all learners.
///
/// An unknown learner: with --json nothing is printed and the exit code is 0; without, the exit
/// code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The learner's id.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    learner: Option<String>,
    /// All learners, shard by shard.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    shape: WindowArgs,
    /// Only what happened in this course.
    #[arg(long, value_name = "ID", default_value = "")]
    course: String,
    /// Only windows that an event touched after this.
    #[arg(long, value_name = "RFC3339|MS", value_parser = time_ms, allow_hyphen_values = true)]
    changed_since: Option<i64>,
    #[command(flatten)]
    read: ReadArgs,
}

/// A window as a line of JSON. The order of the fields is part of the format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WindowLine<'a> {
    user_id: &'a str,
    window_start: i64,
    window_end: i64,
    state: &'a str,
    revision: u32,
    clicks: u64,
    quiz_count: u64,
    average_score: Option<f64>,
    video_ms: u64,
    active_ms: u64,
    engagement: f64,
}

impl<'a> WindowLine<'a> {
    fn new(user_id: &'a str, window: &v1::Window) -> Self {
        Self {
            user_id,
            window_start: window.start_ms,
            window_end: window.end_ms,
            state: short_name(window.state().as_str_name(), "WINDOW_STATE_"),
            revision: window.revision,
            clicks: window.clicks,
            quiz_count: window.quiz_count,
            average_score: window.average_score,
            video_ms: window.video_ms,
            active_ms: window.active_ms,
            engagement: window.engagement,
        }
    }
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    match &args.learner {
        Some(learner) => one(client, learner, &args, output).await,
        None => all(client, &args, output).await,
    }
}

async fn one(
    client: &Client,
    learner: &str,
    args: &Args,
    output: &mut Output,
) -> Result<(), CliError> {
    let mut pages = client.window_pages(v1::ListWindowsRequest {
        user_id: learner.to_owned(),
        size_ms: args.shape.size,
        step_ms: args.shape.step.unwrap_or_default(),
        from_ms: args.shape.from,
        to_ms: args.shape.to,
        changed_since_ms: args.changed_since,
        course_id: args.course.clone(),
        read: Some(args.read.options()),
        ..Default::default()
    });
    let mut rows = Rows::new(output);
    let mut freshness = None;
    while let Some(page) = pages.next().await? {
        if !page.found && !rows.output.is_json() {
            return Err(CliError::NoSuchLearner(learner.to_owned()));
        }
        for window in &page.windows {
            rows.add(&WindowLine::new(learner, window))?;
        }
        freshness = page.freshness.or(freshness);
    }
    rows.show()?;
    match freshness {
        Some(freshness) if !output.is_json() => output.text(render::freshness(&freshness)),
        _ => Ok(()),
    }
}

async fn all(client: &Client, args: &Args, output: &mut Output) -> Result<(), CliError> {
    let request = v1::ScanWindowsRequest {
        size_ms: args.shape.size,
        step_ms: args.shape.step.unwrap_or_default(),
        from_ms: args.shape.from,
        to_ms: args.shape.to,
        changed_since_ms: args.changed_since,
        course_id: args.course.clone(),
        read: Some(args.read.options()),
    };
    let mut scan = client.scan_windows(request).await?;
    let mut rows = Rows::new(output);
    while let Some(answer) = scan.next().await? {
        for learner in &answer.learners {
            for window in &learner.windows {
                rows.add(&WindowLine::new(&learner.user_id, window))?;
            }
        }
    }
    rows.show()
}

/// Prints lines of JSON, or tables.
struct Rows<'a> {
    output: &'a mut Output,
    table: render::Table,
}

impl<'a> Rows<'a> {
    fn new(output: &'a mut Output) -> Self {
        Self {
            output,
            table: empty_table(),
        }
    }

    fn add(&mut self, line: &WindowLine<'_>) -> Result<(), CliError> {
        if self.output.is_json() {
            return self.output.json(line);
        }
        self.table.add_row([
            line.user_id.into(),
            render::time(line.window_start).into(),
            line.state.into(),
            render::number(line.revision),
            render::number(line.clicks),
            render::number(line.quiz_count),
            render::number(render::share(line.average_score)),
            render::number(line.video_ms),
            render::number(line.active_ms),
            render::number(render::share(Some(line.engagement))),
        ]);
        if self.table.row_count() >= TABLE_ROWS_MAX {
            self.show()?;
        }
        Ok(())
    }

    fn show(&mut self) -> Result<(), CliError> {
        if self.output.is_json() || self.table.is_empty() {
            return Ok(());
        }
        let table = std::mem::replace(&mut self.table, empty_table());
        self.output.text(table)
    }
}

fn empty_table() -> render::Table {
    render::table([
        "learner",
        "from",
        "state",
        "rev",
        "clicks",
        "quizzes",
        "score",
        "video ms",
        "active ms",
        "engagement",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_fields_in_their_order() {
        let window = v1::Window {
            start_ms: 60_000,
            end_ms: 120_000,
            state: v1::WindowState::Amended.into(),
            revision: 3,
            clicks: 4,
            engagement: 0.25,
            ..Default::default()
        };
        let line = serde_json::to_string(&WindowLine::new("u", &window)).expect("serialisable");
        let expected = r#"{"userId":"u","windowStart":60000,"windowEnd":120000,"state":"AMENDED","revision":3,"clicks":4,"quizCount":0,"averageScore":null,"videoMs":0,"activeMs":0,"engagement":0.25}"#;
        assert_eq!(line, expected);
    }
}
