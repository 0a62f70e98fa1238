//! `homeroom dead-letters summary`.

use homeroom_client::{Client, v1};
use serde::Serialize;

use super::FilterArgs;
use crate::{error::CliError, output::Output, render};

#[derive(Serialize)]
struct SummaryDocument<'a> {
    groups: &'a [v1::DeadLetterGroup],
    sources: &'a [v1::SourceCounters],
}

pub(super) async fn summary(
    client: &Client,
    filter: FilterArgs,
    output: &mut Output,
) -> Result<(), CliError> {
    let answer = client.summarize_dead_letters(filter.into()).await?;
    if output.is_json() {
        let document = SummaryDocument {
            groups: &answer.groups,
            sources: &answer.sources,
        };
        return output.json(&document);
    }
    let mut groups = render::table([
        "source", "reason", "kept", "bytes", "expired", "oldest", "newest",
    ]);
    for group in &answer.groups {
        groups.add_row([
            group.source.as_str().into(),
            render::reason(group.reason()).into(),
            render::number(group.kept),
            render::number(group.kept_bytes),
            render::number(group.expired),
            render::time(group.oldest_ms).into(),
            render::time(group.newest_ms).into(),
        ]);
    }
    let mut sources = render::table([
        "source",
        "received",
        "accepted",
        "duplicate",
        "conflicting",
        "shadowed",
        "dead-lettered",
        "amended",
        "gaps",
    ]);
    for source in &answer.sources {
        let counts = [
            source.received,
            source.accepted,
            source.duplicate,
            source.conflicting,
            source.shadowed,
            source.dead_lettered,
            source.amended,
            source.sequence_gap,
        ];
        let mut row = vec![source.source.as_str().into()];
        row.extend(counts.map(render::number));
        sources.add_row(row);
    }
    match groups.is_empty() {
        true => output.text("no dead letters are kept\n")?,
        false => output.text(format_args!("{groups}\n"))?,
    }
    output.text(sources)
}
