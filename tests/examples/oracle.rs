//! Prints the windows that files of events must give, or compares them with a system's output.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use homeroom_tests::oracle::{
    NaiveModel, Settings, WindowLine, WindowRow, WindowSpec, compare_rows, read_lines,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Parser)]
struct Args {
    /// Files of events, one a line, in the order of their delivery; `.gz` is unpacked.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The files hold xAPI statements.
    #[arg(long)]
    xapi: bool,
    /// Window size in seconds.
    #[arg(long, default_value_t = 60)]
    size_s: i64,
    /// Distance of window starts in seconds; by default the size.
    #[arg(long)]
    step_s: Option<i64>,
    /// The receiving clock; by default this machine's.
    #[arg(long, value_parser = parse_time_ms)]
    now: Option<i64>,
    /// Events before this are beyond the retention.
    #[arg(long, value_parser = parse_time_ms)]
    floor: Option<i64>,
    /// Compare with this output of `homeroom windows --all --json`.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// How many differences to print.
    #[arg(long, default_value_t = 10)]
    differences: usize,
    /// Print the ledger and totals instead of windows.
    #[arg(long)]
    summary: bool,
}

fn parse_time_ms(text: &str) -> Result<i64, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?;
    Ok(moment.unix_timestamp() * 1_000)
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let model = load(&args)?;
    let size_ms = args.size_s * 1_000;
    let step_ms = args.step_s.map_or(size_ms, |step_s| step_s * 1_000);
    let rows = model.windows(WindowSpec {
        size_ms,
        step_ms,
        floor_ms: args.floor,
    });
    if args.summary {
        summarize(&model, &rows);
        return Ok(ExitCode::SUCCESS);
    }
    match &args.compare {
        Some(got) => compare(&rows, got, args.differences),
        None => print(&rows).map(|()| ExitCode::SUCCESS),
    }
}

fn load(args: &Args) -> io::Result<NaiveModel> {
    let clock_ms = (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64;
    let settings = Settings {
        now_ms: Some(args.now.unwrap_or(clock_ms)),
        floor_ms: args.floor,
        ..Settings::default()
    };
    let mut model = NaiveModel::new(settings);
    for file in &args.files {
        for line in read_lines(file)? {
            let line = line?;
            if args.xapi {
                model.deliver_xapi(&line);
            } else {
                model.deliver_native(&line);
            }
        }
    }
    Ok(model)
}

fn print(rows: &[WindowRow]) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    for row in rows {
        serde_json::to_writer(&mut output, &WindowLine::from(row))?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

fn compare(rows: &[WindowRow], got: &Path, differences: usize) -> io::Result<ExitCode> {
    let got: Vec<Vec<u8>> = read_lines(got)?.collect::<io::Result<_>>()?;
    let comparison = compare_rows(rows, got);
    for difference in comparison.differences.iter().take(differences) {
        println!("{difference}");
    }
    println!(
        "{} of {} windows are equal, {} differences",
        comparison.equal,
        rows.len(),
        comparison.differences.len()
    );
    Ok(if comparison.differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn summarize(model: &NaiveModel, rows: &[WindowRow]) {
    for (source, counts) in &model.counts().by_source {
        println!("{source}: {counts:?}");
    }
    let video_ms: i64 = rows.iter().map(|row| row.video_ms).sum();
    let quizzes: u64 = rows.iter().map(|row| row.quiz_count).sum();
    let clicks: u64 = rows.iter().map(|row| row.clicks).sum();
    println!("all: {:?}", model.counts().total());
    println!(
        "{} learners, {} windows, {clicks} clicks, {quizzes} quizzes, {video_ms} ms of video",
        model.learners().count(),
        rows.len()
    );
}
