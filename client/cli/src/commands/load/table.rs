//! The report of a load, as text.

use crate::load::{Baselines, NotHeld, Quantiles, Rate, Report};
use comfy_table::Cell;

use crate::{error::CliError, output::Output, render};

pub(super) fn show(report: &Report, output: &mut Output) -> Result<(), CliError> {
    output.text(format_args!("{}\n", asked(report)))?;
    output.text(format_args!("{}\n", times(report)))?;
    output.text(format_args!("{}\n", counts(report)))?;
    if let Some(baselines) = &report.baselines {
        output.text(format_args!("{}\n", beside(baselines)))?;
        if let Rate::PerSecond(_) = report.rate {
            output.text("the baselines go as fast as they can, the node went at its rate: compare them at --rate max")?;
        }
    }
    if let Some(arrival) = &report.arrival {
        output.text(format_args!(
            "arrival: {} events in {:.1} s, {:.0} events/s",
            arrival.events, arrival.seconds, arrival.events_per_second
        ))?;
    }
    output.text(format_args!(
        "measured: {:.1} s, {:.0} events/s, {} batches sent again, {} errors{}",
        report.seconds,
        report.events_per_second,
        report.retries,
        report.errors,
        if report.interrupted {
            ", ended early"
        } else {
            ""
        },
    ))?;
    if let Some(why) = report.not_held {
        output.text(not_held(why, report.sent))?;
    }
    // A thousandth is tolerated: the last queries may fall due just before the end.
    if report.reads_overdue > report.read.samples / 1_000 {
        let queries = report.reads_overdue;
        output.text(format_args!("{queries} queries were due and not asked"))?;
    }
    for message in &report.error_messages {
        output.text(format_args!("error: {message}"))?;
    }
    Ok(())
}

fn not_held(why: NotHeld, sent: u64) -> String {
    let why = match why {
        NotHeld::WithoutOutcome(events) => {
            format!("{events} events that were sent have no outcome")
        }
        NotHeld::NotSent(events) => {
            let due = sent + events;
            let percent = 100.0 * events as f64 / due.max(1) as f64;
            format!("{percent:.1} % of what was due was not sent")
        }
        NotHeld::AfterEnd(after) => {
            let seconds = after.as_secs_f64();
            format!("the last outcome came {seconds:.1} s after the end")
        }
    };
    format!("the rate was not held: {why}; the times are not of this rate")
}

/// The parameters of the load.
fn asked(report: &Report) -> String {
    let rate = match report.rate {
        Rate::Max => "as fast as the window allows".to_owned(),
        Rate::PerSecond(rate) => format!("{rate} events/s"),
    };
    let (active, seen) = (report.learners, report.seen);
    let (batch, seed) = (report.batch, report.seed);
    format!("{rate}, {active} of {seen} learners active, batches of {batch}, seed {seed}")
}

fn times(report: &Report) -> render::Table {
    let mut times = render::table(["ms", "p50", "p90", "p99", "p99.9", "max", "samples"]);
    let rows = [
        ("ack", &report.ack),
        ("insight", &report.insight),
        ("read", &report.read),
        ("handed over late", &report.late),
    ];
    for (name, quantiles) in rows {
        times.add_row(row(name, quantiles));
    }
    times
}

fn counts(report: &Report) -> render::Table {
    let mut counts = render::table(["outcome", "events"]);
    let rows = [
        ("accepted", report.accepted),
        ("duplicate", report.duplicate),
        ("shadowed", report.shadowed),
        ("dead-lettered", report.dead_lettered),
        ("no outcome", report.sent - report.acknowledged),
        ("  unknown", report.unknown),
        ("sent", report.sent),
        ("due, not sent", report.overdue),
    ];
    for (name, count) in rows {
        counts.add_row([name.into(), render::number(count)]);
    }
    counts
}

fn beside(baselines: &Baselines) -> render::Table {
    let mut table = render::table(["baseline", "events/s", "node is", "fdatasync p50", "p99"]);
    let Baselines {
        append_fsync,
        ratios,
        ..
    } = baselines;
    let (batch, mib) = (append_fsync.per_batch, append_fsync.per_mib);
    let sink = baselines.null_sink_events_per_second;
    let in_memory = baselines.in_memory_events_per_second;
    let rows = [
        (
            "gRPC to a sink that does nothing",
            sink,
            ratios.null_sink,
            None,
        ),
        (
            "append, fdatasync each batch",
            batch.events_per_second,
            ratios.append_fsync_per_batch,
            Some(batch),
        ),
        (
            "append, fdatasync each MiB",
            mib.events_per_second,
            ratios.append_fsync_per_mib,
            Some(mib),
        ),
        ("by hand in memory", in_memory, ratios.in_memory, None),
    ];
    for (name, events_per_second, ratio, synced) in rows {
        table.add_row([
            name.into(),
            render::number(format_args!("{events_per_second:.0}")),
            render::number(format_args!("{ratio:.2}")),
            ms(synced.and_then(|synced| synced.fdatasync_p50_ms)),
            ms(synced.and_then(|synced| synced.fdatasync_p99_ms)),
        ]);
    }
    table
}

fn ms(time: Option<f64>) -> Cell {
    match time {
        Some(ms) => render::number(format_args!("{ms:.2}")),
        None => render::number("-"),
    }
}

fn row(name: &str, quantiles: &Quantiles) -> Vec<Cell> {
    let times = [
        quantiles.p50_ms,
        quantiles.p90_ms,
        quantiles.p99_ms,
        quantiles.p999_ms,
        quantiles.max_ms,
    ];
    let mut row = vec![name.into()];
    row.extend(times.map(ms));
    row.push(render::number(quantiles.samples));
    row
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn why_a_rate_was_not_held_is_said_in_few_words() {
        let after = Duration::from_millis(2_340);
        for (why, words) in [
            (
                NotHeld::WithoutOutcome(7),
                "7 events that were sent have no outcome",
            ),
            (NotHeld::NotSent(25), "25.0 % of what was due was not sent"),
            (
                NotHeld::AfterEnd(after),
                "the last outcome came 2.3 s after the end",
            ),
        ] {
            let expected =
                format!("the rate was not held: {words}; the times are not of this rate");
            assert_eq!(not_held(why, 75), expected);
        }
    }
}
