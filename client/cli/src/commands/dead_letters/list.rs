//! `homeroom dead-letters list`.

use base64::{Engine, engine::general_purpose::STANDARD};
use homeroom_client::{Client, v1};
use homeroom_proto::short_name;
use serde::Serialize;

use super::FilterArgs;
use crate::{error::CliError, output::Output, render};

const PAGE_SIZE_MAX: u32 = 1_000;

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
    /// Null where the payload is not UTF-8.
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

pub(super) async fn list(
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
