//! A load's report, for people.

use homeroom_client::load::{Quantiles, Rate, Report};

use super::super::{error::CliError, output::Output, render};

pub(super) fn show(report: &Report, output: &mut Output) -> Result<(), CliError> {
    let rate = match report.rate {
        Rate::Max => "as fast as the window allows".to_owned(),
        Rate::PerSecond(rate) => format!("{rate} events/s due"),
    };
    let Report {
        learners,
        seen,
        batch,
        seed,
        ..
    } = report;
    output.text(format_args!(
        "{rate}, {learners} learners active of {seen}, batches of {batch}, seed {seed}\n"
    ))?;
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
    output.text(format_args!("{times}\n"))?;
    let mut counts = render::table(["measured", "events"]);
    let rows = [
        ("accepted", report.accepted),
        ("duplicate", report.duplicate),
        ("shadowed", report.shadowed),
        ("dead-lettered", report.dead_lettered),
        ("unacknowledged", report.sent - report.acknowledged),
        ("sent", report.sent),
        ("due, but not sent", report.overdue),
    ];
    for (name, count) in rows {
        counts.add_row([name.into(), render::number(count)]);
    }
    output.text(counts)?;
    if let Some(arrival) = &report.arrival {
        output.text(format_args!(
            "arrival: {} events in {:.1} s, {:.0} events/s",
            arrival.events, arrival.seconds, arrival.events_per_second
        ))?;
    }
    output.text(format_args!(
        "measured: in {:.1} s, {:.0} events/s, {} batches sent again, {} errors{}",
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
    for message in &report.error_messages {
        output.text(format_args!("error: {message}"))?;
    }
    Ok(())
}

fn row(name: &str, quantiles: &Quantiles) -> Vec<comfy_table::Cell> {
    let times = [
        quantiles.p50_ms,
        quantiles.p90_ms,
        quantiles.p99_ms,
        quantiles.p999_ms,
        quantiles.max_ms,
    ];
    let mut row = vec![name.into()];
    row.extend(times.map(|ms| match ms {
        Some(ms) => render::number(format_args!("{ms:.2}")),
        None => render::number("-"),
    }));
    row.push(render::number(quantiles.samples));
    row
}
