//! Writes generated events to standard output, one JSON object a line; the seed goes to standard
//! error.

use std::io::{self, BufWriter, Write};

use clap::Parser;
use homeroom_tests::generator::{EventLines, GeneratorSettings};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Parser)]
struct Args {
    /// Lines to write, counting copies and broken ones.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Learners; by default one for each hundred lines.
    #[arg(long)]
    learners: Option<u32>,
    /// The seed; by default a fresh one.
    #[arg(long)]
    seed: Option<u64>,
    /// The first moment of event time.
    #[arg(long, default_value = "2025-03-05T08:00:00Z", value_parser = parse_time_ms)]
    start: i64,
    /// About how many minutes of event time the file spans.
    #[arg(long, default_value_t = 120)]
    span_minutes: i64,
    #[arg(long, default_value_t = 8)]
    courses: u32,
    #[arg(long, default_value_t = 0.02)]
    duplicates: f64,
    #[arg(long, default_value_t = 0.10)]
    out_of_order: f64,
    #[arg(long, default_value_t = 0.001)]
    late: f64,
    #[arg(long, default_value_t = 0.001)]
    broken: f64,
}

fn parse_time_ms(text: &str) -> Result<i64, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?;
    Ok(moment.unix_timestamp() * 1_000)
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("seed {seed}");
    let learners = args
        .learners
        .unwrap_or_else(|| u32::try_from(args.events / 100).unwrap_or(u32::MAX).max(1));
    let settings = GeneratorSettings {
        lines: args.events,
        learners,
        courses: args.courses,
        seed,
        start_ms: args.start,
        span_ms: args.span_minutes * 60_000,
        duplicates: args.duplicates,
        out_of_order: args.out_of_order,
        late: args.late,
        broken: args.broken,
        ..GeneratorSettings::default()
    };
    let mut output = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    for line in EventLines::new(settings) {
        writeln!(output, "{line}")?;
    }
    output.flush()
}
