//! `homeroom dead-letters`.

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Subcommand;
use homeroom_client::{Client, v1};
use homeroom_proto::short_name;
use serde::Serialize;

use super::args::{reason, time_ms};
use super::{error::CliError, output::Output, render};

const PAGE_SIZE_MAX: u32 = 1_000;

/// Look at refused events.
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
        /// Show at most so many; 0 for all.
        #[arg(long, value_name = "EVENTS", default_value_t = 100)]
        limit: u64,
    },
    /// How many there are by source and reason, and what became of each source's events.
    Summary {
        #[command(flatten)]
        filter: FilterArgs,
    },
}

/// Which dead letters.
#[derive(Debug, clap::Args)]
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

/// A dead letter as a line of JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetterLine<'a> {
    shard: u32,
    number: u64,
    source: &'a str,
    reason: &'a str,
    detail: &'a str,
    refused_ms: i64,
    user_id: &'a str,
    format: &'a str,
    /// Null where the payload is no UTF-8.
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

#[derive(Serialize)]
struct SummaryDocument<'a> {
    groups: &'a [v1::DeadLetterGroup],
    sources: &'a [v1::SourceCounters],
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    match args.command {
        Command::List { filter, limit } => list(client, filter, limit, output).await,
        Command::Summary { filter } => summary(client, filter, output).await,
    }
}

async fn list(
    client: &Client,
    filter: FilterArgs,
    limit: u64,
    output: &mut Output,
) -> Result<(), CliError> {
    let mut left = if limit == 0 { u64::MAX } else { limit };
    let mut pages = client.dead_letter_pages(v1::ListRequest {
        filter: Some(filter.into()),
        page_size: u32::try_from(left).unwrap_or(u32::MAX).min(PAGE_SIZE_MAX),
        page_token: String::new(),
    });
    while left > 0 {
        let Some(mut page) = pages.next().await? else {
            break;
        };
        page.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= page.len() as u64;
        show_page(&page, output)?;
    }
    Ok(())
}

fn show_page(page: &[v1::DeadLetter], output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return page
            .iter()
            .try_for_each(|letter| output.json(&line(letter)));
    }
    if page.is_empty() {
        return Ok(());
    }
    let mut table = render::table(["refused", "source", "reason", "learner", "detail"]);
    for letter in page {
        table.add_row([
            render::time(letter.refused_ms),
            letter.source.clone(),
            render::reason(letter.reason()),
            render::text_or_dash(&letter.user_id).to_owned(),
            letter.detail.clone(),
        ]);
    }
    output.text(table)
}

fn line(letter: &v1::DeadLetter) -> DeadLetterLine<'_> {
    let payload = std::str::from_utf8(&letter.payload).ok();
    DeadLetterLine {
        shard: letter.shard,
        number: letter.number,
        source: &letter.source,
        reason: short_name(letter.reason().as_str_name(), "DEAD_LETTER_REASON_"),
        detail: &letter.detail,
        refused_ms: letter.refused_ms,
        user_id: &letter.user_id,
        format: short_name(letter.format().as_str_name(), "PAYLOAD_FORMAT_"),
        payload,
        payload_base64: payload.is_none().then(|| STANDARD.encode(&letter.payload)),
    }
}

async fn summary(client: &Client, filter: FilterArgs, output: &mut Output) -> Result<(), CliError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_no_text_is_shown_in_base64() {
        let letter = v1::DeadLetter {
            payload: vec![0xff, 0x00].into(),
            ..Default::default()
        };
        let shown = serde_json::to_value(line(&letter)).expect("serialisable");
        assert_eq!(
            (&shown["payload"], &shown["payloadBase64"]),
            (&().into(), &"/wA=".into())
        );
        let letter = v1::DeadLetter {
            payload: "{\"a\"".into(),
            ..Default::default()
        };
        let shown = serde_json::to_value(line(&letter)).expect("serialisable");
        assert_eq!(shown["payload"], "{\"a\"");
        assert!(shown.get("payloadBase64").is_none());
    }
}
