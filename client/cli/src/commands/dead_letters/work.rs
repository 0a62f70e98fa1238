//! `homeroom dead-letters redrive` and `discard`.

use homeroom_client::{Client, v1};

use super::FilterArgs;
use crate::{error::CliError, output::Output, render};

pub(super) async fn redrive(
    client: &Client,
    filter: FilterArgs,
    dry_run: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    let request = v1::RedriveRequest {
        filter: Some(filter.into()),
        dry_run,
    };
    let answer = client.redrive_dead_letters(request).await?;
    if output.is_json() {
        output.json(&answer)?;
    } else {
        show_redrive(&answer, dry_run, output)?;
    }
    let unknown = answer.unknown;
    match answer.retry.saturating_sub(unknown) {
        0 if unknown == 0 => Ok(()),
        not_taken => Err(CliError::NotAllTaken { not_taken, unknown }),
    }
}

fn show_redrive(
    answer: &v1::RedriveResponse,
    dry_run: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    let refused: u64 = answer.refused_again.iter().map(|group| group.count).sum();
    let counts = if dry_run {
        vec![
            ("matched", answer.matched),
            ("would pass", answer.passable),
            ("would be refused again", refused),
            ("kept in part only, can't be sent", answer.cut),
        ]
    } else {
        vec![
            ("matched", answer.matched),
            ("accepted", answer.accepted),
            ("duplicate", answer.duplicate),
            ("shadowed", answer.shadowed),
            ("refused again", answer.dead_lettered),
            ("kept in part only, can't be sent", answer.cut),
            ("not taken now", answer.retry.saturating_sub(answer.unknown)),
            ("unknown", answer.unknown),
        ]
    };
    output.text(render::facts(counts))?;
    if answer.refused_again.is_empty() {
        return Ok(());
    }
    let mut groups = render::table(["source", "reason", "events", "for instance"]);
    for group in &answer.refused_again {
        groups.add_row([
            group.source.as_str().into(),
            render::reason(group.reason()).into(),
            render::number(group.count),
            group.detail.as_str().into(),
        ]);
    }
    output.text(format_args!("\n{groups}"))
}

pub(super) async fn discard(
    client: &Client,
    filter: FilterArgs,
    dry_run: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    let request = v1::DiscardRequest {
        filter: Some(filter.into()),
        dry_run,
    };
    let answer = client.discard_dead_letters(request).await?;
    if output.is_json() {
        return output.json(&answer);
    }
    let name = if dry_run { "would go" } else { "discarded" };
    output.text(render::facts([
        (name, answer.discarded),
        ("bytes", answer.discarded_bytes),
    ]))
}
