//! Formats values for people.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, presets};
use homeroom_client::v1;
use homeroom_proto::short_name;
use jiff::Timestamp;

use crate::terminal::escape_line;

/// A table whose cells are one line each: a line end within a value would forge a row.
pub(super) struct Table(comfy_table::Table);

impl Table {
    pub(super) fn add_row(&mut self, row: impl Into<Row>) {
        let row = row.into();
        let cells = row.cell_iter().map(|cell| {
            let content = cell.content();
            let escaped = escape_line(&content);
            // A number needs no escape, and so keeps its alignment.
            if escaped == content {
                cell.clone()
            } else {
                Cell::new(escaped)
            }
        });
        self.0.add_row(cells.collect::<Vec<_>>());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn row_count(&self) -> usize {
        self.0.row_count()
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A table without borders, easy to `grep` and `cut`.
pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = bare_table();
    table.0.set_header(header);
    table
}

/// A table of names and values.
pub(super) fn facts<N: Display, V: Display>(facts: impl IntoIterator<Item = (N, V)>) -> Table {
    let mut table = bare_table();
    for (name, value) in facts {
        table.add_row([name.to_string(), value.to_string()]);
    }
    table
}

fn bare_table() -> Table {
    let mut table = comfy_table::Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    Table(table)
}

/// A right-aligned cell.
pub(super) fn number(value: impl Display) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

/// RFC 3339 in UTC, with ms.
pub(super) fn time(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => format!("{ms} ms"),
    }
}

pub(super) fn optional_time(ms: Option<i64>) -> String {
    ms.map_or_else(|| "-".to_owned(), time)
}

pub(super) fn duration_ms(ms: i64) -> String {
    let duration = Duration::from_millis(ms.unsigned_abs());
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}", humantime::format_duration(duration))
}

/// A share of 1, with three decimals.
/// A size as it is set: in the largest unit that divides it.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => bytes.to_string(),
    }
}

pub(super) fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

pub(super) fn text_or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

pub(super) fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

pub(super) fn window_state(state: v1::WindowState) -> &'static str {
    short_name(state.as_str_name(), "WINDOW_STATE_")
}

pub(super) fn status(status: v1::LearnerStatus) -> String {
    short_name(status.as_str_name(), "LEARNER_STATUS_").to_ascii_lowercase()
}

pub(super) fn reason(reason: v1::DeadLetterReason) -> String {
    short_name(reason.as_str_name(), "DEAD_LETTER_REASON_").to_ascii_lowercase()
}

/// A name or message from outside, within a line.
pub(super) fn name(text: &str) -> Cow<'_, str> {
    escape_line(text)
}

/// The freshness of an answer, in one line.
pub(super) fn freshness(freshness: &v1::Freshness) -> String {
    let watermark = match freshness.watermark_ms {
        Some(ms) => format!("watermark {}", time(ms)),
        None => "no watermark yet".to_owned(),
    };
    let mut line = format!("{watermark}, as of {} ms ago", freshness.staleness_ms);
    if !freshness.bound_met {
        line.push_str(" (staler than asked)");
    }
    for source in &freshness.sources {
        match (source.idle, source.lagging) {
            // The watermark does not wait for an idle source, however old its newest event is.
            (true, _) => line.push_str(&format!(", {} is idle", name(&source.source))),
            (false, true) => line.push_str(&format!(", {} is lagging", name(&source.source))),
            (false, false) => {}
        }
    }
    line
}

/// A help reason, in a few words.
pub(super) fn help(reason: &v1::HelpReason) -> String {
    let mut words = reason.code.clone();
    if reason.count > 0 {
        words.push_str(&format!(" ×{}", reason.count));
    }
    if !reason.skill_id.is_empty() {
        words.push_str(&format!(" ({})", reason.skill_id));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_old_it_is_and_who_is_not_waited_for() {
        let source = |name: &str, idle, lagging| v1::SourceFreshness {
            source: name.into(),
            idle,
            lagging,
            ..Default::default()
        };
        let answer = v1::Freshness {
            watermark_ms: Some(1_772_438_400_120),
            staleness_ms: 12,
            bound_met: true,
            sources: vec![
                source("lms", true, false),
                source("archive", true, true),
                source("tool", false, true),
                source("quiz", false, false),
            ],
            ..Default::default()
        };
        let expected = "watermark 2026-03-02T08:00:00.120Z, as of 12 ms ago, lms is idle, archive is idle, tool is lagging";
        assert_eq!(freshness(&answer), expected);
    }
}
