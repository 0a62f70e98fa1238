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
    let told = client.redrive_dead_letters(request).await?;
    if output.is_json() {
        output.json(&told)?;
    } else {
        show_redrive(&told, dry_run, output)?;
    }
    match told.retry {
        0 => Ok(()),
        retry => Err(CliError::NotAllTaken(retry)),
    }
}

fn show_redrive(
    told: &v1::RedriveResponse,
    dry_run: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    let refused: u64 = told.refused_again.iter().map(|group| group.count).sum();
    let counts = if dry_run {
        vec![
            ("matched", told.matched),
            ("would pass", told.passable),
            ("would be refused again", refused),
            ("kept in part only, can't be sent", told.cut),
        ]
    } else {
        vec![
            ("matched", told.matched),
            ("accepted", told.accepted),
            ("duplicate", told.duplicate),
            ("shadowed", told.shadowed),
            ("refused again", told.dead_lettered),
            ("kept in part only, can't be sent", told.cut),
            ("not taken now", told.retry),
        ]
    };
    output.text(render::facts(counts))?;
    if told.refused_again.is_empty() {
        return Ok(());
    }
    let mut groups = render::table(["source", "reason", "events", "for instance"]);
    for group in &told.refused_again {
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
    let told = client.discard_dead_letters(request).await?;
    if output.is_json() {
        return output.json(&told);
    }
    let name = if dry_run { "would go" } else { "discarded" };
    output.text(render::facts([
        (name, told.discarded),
        ("bytes", told.discarded_bytes),
    ]))
}
