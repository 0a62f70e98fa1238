//! The lesson as a picture: lines of text for a terminal of any size. Pure.

use std::{collections::BTreeMap, net::SocketAddr};

use console::{Style, measure_text_width, truncate_str};
use homeroom_client::Tally;
use homeroom_proto::v1::{Course, GetCourseResponse, RosterEntry};
use jiff::tz::TimeZone;

use super::{help, plain::plain};
use crate::demo::{
    class::{self, COURSE},
    publish::{Latency, Snapshot},
};

/// The smallest width of a picture, in columns.
const WIDTH_LEAST: usize = 40;
/// The greatest width: longer lines are hard to read.
const WIDTH_MOST: usize = 120;
/// Rows of the table of learners.
const ROWS: std::ops::RangeInclusive<usize> = 3..=30;
/// With at least this many rows all commands and reasons are shown.
const TALL: usize = 30;
/// The delay of the class is shown from here on, ms.
const BEHIND_SHOWN_MS: u64 = 1_000;
/// Columns of the table: the learner, and the start of the trouble.
const NAME_WIDTH: usize = 18;
const SINCE_WIDTH: usize = 10;
const LABEL_WIDTH: usize = 10;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The client's default port.
pub const USUAL_GRPC_PORT: u16 = 7400;
const CARGO_CLI: &str = "cargo run --release -p homeroom-cli --";

/// Everything that is shown of one moment.
pub struct Picture {
    /// The time since the start of the lesson, ms.
    pub lesson_ms: i64,
    /// Whether the past has been published.
    pub is_live: bool,
    pub learners: usize,
    pub snapshot: Snapshot,
    /// Events with an outcome in each of the last seconds, oldest first.
    pub rates: Vec<u64>,
    /// None without an answer from the node.
    pub course: Option<GetCourseResponse>,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    /// The time zone of this machine, for times of day.
    pub zone: TimeZone,
}

/// Whether lines are coloured.
#[derive(Clone, Copy)]
struct Paint {
    is_coloured: bool,
}

impl Picture {
    /// At most `rows` lines, none wider than `columns`.
    pub fn draw(&self, columns: usize, rows: usize, is_coloured: bool) -> Vec<String> {
        let paint = Paint { is_coloured };
        let width = columns.clamp(WIDTH_LEAST, WIDTH_MOST);
        let is_tall = rows >= TALL;
        let mut lines = self.head(paint, width);
        let foot = self.foot(paint, width, is_tall);
        if is_tall {
            lines.insert(1, String::new());
        }
        lines.push(String::new());
        // The heading of the table, and the empty line below it.
        let room = rows.saturating_sub(lines.len() + foot.len() + 2);
        lines.extend(self.who_needs_help(paint, room.clamp(*ROWS.start(), *ROWS.end())));
        lines.push(String::new());
        lines.extend(foot);
        lines.truncate(rows);
        lines
            .iter()
            .map(|line| truncate_str(line, columns.min(width), "…").into_owned())
            .collect()
    }

    /// The delay of the class, if it is long enough to show.
    pub fn behind(&self) -> Option<String> {
        let behind_ms = self.snapshot.behind_ms;
        let seconds = behind_ms as f64 / 1_000.0;
        (behind_ms > BEHIND_SHOWN_MS)
            .then(|| format!("this machine is {seconds:.1} s behind the class"))
    }

    fn head(&self, paint: Paint, width: usize) -> Vec<String> {
        let left = format!(
            "{}  {COURSE}, a simulated class of {}",
            paint.on(Style::new().bold().cyan(), "Homeroom"),
            grouped(self.learners as u64)
        );
        let right = match self.is_live {
            true => format!("lesson {}  {}", clock(self.lesson_ms), paint.good("live")),
            false => paint.warn("telling the first ten minutes …"),
        };
        let gap = width.saturating_sub(measure_text_width(&left) + measure_text_width(&right));
        let mut lines = vec![format!("{left}{}{right}", " ".repeat(gap.max(2)))];
        let now = self.rates.last().copied().unwrap_or(0);
        let pulse = format!("{:>5} events/s  ", grouped(now));
        let room = width.saturating_sub(LABEL_WIDTH + pulse.len());
        let spark = paint.on(Style::new().cyan(), &sparkline(&self.rates, room));
        lines.push(paint.labelled("pulse", &format!("{pulse}{spark}")));
        match self.course.as_ref().and_then(|of| of.course.as_ref()) {
            Some(course) => {
                lines.push(paint.labelled("class", &states(course, paint)));
                let bar = state_bar(course, width.saturating_sub(LABEL_WIDTH), paint);
                lines.push(paint.labelled("", &bar));
            }
            None => {
                lines.push(paint.labelled("class", &paint.dim("the node tells no courses yet")))
            }
        }
        lines
    }

    fn who_needs_help(&self, paint: Paint, room: usize) -> Vec<String> {
        let heading = format!(
            "{:NAME_WIDTH$}{:SINCE_WIDTH$}why",
            "who needs help", "since"
        );
        let mut lines = vec![paint.on(Style::new().bold(), &heading)];
        let roster = self.course.as_ref().map_or(&[][..], |of| &of.roster);
        let in_need: Vec<&RosterEntry> =
            roster.iter().filter(|of| !of.reasons.is_empty()).collect();
        if in_need.is_empty() {
            let why = match self.course {
                Some(_) => "no learner",
                None => "not known without the course",
            };
            lines.push(paint.dim(why));
        }
        for entry in in_need.iter().take(room) {
            let name = truncate_str(&plain(&entry.user_id), NAME_WIDTH - 2, "…").into_owned();
            let since = help::since(&entry.reasons, &self.zone);
            let why = paint.warn(&help::why(&entry.reasons));
            lines.push(format!("{name:NAME_WIDTH$}{since:SINCE_WIDTH$}{why}"));
        }
        // The node's count is not limited by the size of the page.
        let course = self.course.as_ref().and_then(|of| of.course.as_ref());
        let all = course.map_or(0, |course| {
            usize::try_from(course.needing_help).unwrap_or(0)
        });
        let shown = in_need.len().min(room);
        if all > shown && shown > 0 {
            // The last row shows how many more there are.
            lines.pop();
            lines.push(paint.dim(&format!("and {} more", all + 1 - shown)));
        }
        lines
    }

    fn foot(&self, paint: Paint, width: usize, is_tall: bool) -> Vec<String> {
        let snapshot = &self.snapshot;
        let insight = match (&snapshot.insight, snapshot.age_p50_ms) {
            (Some(insight), Some(age_ms)) => {
                format!("{}; events {:.1} s old", latency(insight), age_ms / 1_000.0)
            }
            _ => paint.dim("measured on live events"),
        };
        let mut lines = vec![
            paint.labelled("insight", &insight),
            paint.labelled("received", &conservation(&snapshot.tally)),
        ];
        let refused = self.refused(width.saturating_sub(LABEL_WIDTH));
        let shown = if is_tall { refused.len() } else { 1 };
        for (row, reasons) in refused.iter().take(shown).enumerate() {
            let label = if row == 0 { "refused" } else { "" };
            let cut = if row + 1 == shown && shown < refused.len() {
                " …"
            } else {
                ""
            };
            lines.push(paint.labelled(label, &format!("{reasons}{cut}")));
        }
        lines.extend(
            self.behind()
                .map(|behind| paint.labelled("behind", &paint.warn(&behind))),
        );
        lines.push(String::new());
        lines.extend(self.ask_further(paint, is_tall));
        lines
    }

    /// Dead letters by reason, in lines that fit.
    fn refused(&self, width: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        let counts: BTreeMap<_, _> = self.snapshot.tally.dead_lettered_by_reason().collect();
        for (reason, count) in counts {
            let word = format!("{count} {reason}");
            match lines.last_mut() {
                // Leaves room for the ` …` of a cut list.
                Some(line) if line.len() + word.len() + 5 <= width => {
                    let gap = if line.is_empty() { "" } else { ", " };
                    line.push_str(gap);
                    line.push_str(&word);
                }
                _ => lines.push(word),
            }
        }
        lines
    }

    fn ask_further(&self, paint: Paint, is_tall: bool) -> Vec<String> {
        let name = self.course.as_ref().and_then(|of| of.roster.first());
        let name = name.map_or_else(|| class::name(0), |of| plain(&of.user_id).into_owned());
        let heading = paint.on(Style::new().bold(), "ask further, in another terminal");
        let mut lines = vec![format!(
            "{heading}{}",
            paint.dim("   (Ctrl-C ends the lesson)")
        )];
        if self.grpc.port() != USUAL_GRPC_PORT {
            lines.push(format!("  export HOMEROOM_ENDPOINT=http://{}", self.grpc));
        }
        let (get, watch) = (format!("get {name}"), format!("watch {name}"));
        let course = format!("course {COURSE}");
        lines.push(format!("  {} {get}", paint.dim(cli())));
        if is_tall {
            let others = [&watch, &course, "doctor"];
            lines.extend(others.map(|what| format!("  {} {what}", paint.dim(cli()))));
        } else {
            let or = paint.dim("instead of `get …` also:");
            lines.push(format!("  {or} {watch} | {course} | doctor"));
        }
        lines.push(format!(
            "  http://{0}/v1/courses/{COURSE}   http://{0}/metrics",
            self.http
        ));
        lines
    }
}

impl Paint {
    fn on(self, style: Style, text: &str) -> String {
        let style = style.force_styling(self.is_coloured);
        style.apply_to(text).to_string()
    }

    fn dim(self, text: &str) -> String {
        self.on(Style::new().dim(), text)
    }

    fn good(self, text: &str) -> String {
        self.on(Style::new().green(), text)
    }

    fn warn(self, text: &str) -> String {
        self.on(Style::new().yellow(), text)
    }

    fn labelled(self, label: &str, text: &str) -> String {
        let label = self.dim(&format!("{label:LABEL_WIDTH$}"));
        format!("{label}{text}")
    }
}

/// Received = accepted + duplicate + shadowed + dead letters.
pub fn conservation(tally: &Tally) -> String {
    format!(
        "{} = {} accepted + {} duplicate + {} shadowed + {} refused",
        grouped(tally.received()),
        grouped(tally.accepted),
        grouped(tally.duplicate),
        grouped(tally.shadowed),
        grouped(tally.dead_lettered()),
    )
}

/// Quantiles in words.
pub fn latency(latency: &Latency) -> String {
    let Latency { p50_ms, p99_ms, .. } = latency;
    format!("sent to shown by a query: p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms")
}

/// Minutes and seconds, with hours when there are any.
pub fn clock(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// With a comma between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn states(course: &Course, paint: Paint) -> String {
    let counts = state_counts(course).map(|(name, count, style)| {
        let count = paint.on(style, &grouped(count));
        format!("{count} {name}")
    });
    let in_need = paint.warn(&format!("{} need help", grouped(course.needing_help)));
    format!("{}   {in_need}", counts.join("   "))
}

/// A bar with each state's share of the width. A state with any learner gets at least one column.
fn state_bar(course: &Course, width: usize, paint: Paint) -> String {
    let counts = state_counts(course);
    let all = counts.iter().map(|(_, count, _)| count).sum::<u64>().max(1);
    let mut shares = counts.each_ref().map(|(_, count, _)| {
        let share = usize::try_from(count.saturating_mul(width as u64) / all).unwrap_or(width);
        share.max(usize::from(*count > 0))
    });
    // The largest share takes the rounding error.
    let sum: usize = shares.iter().sum();
    if let Some(largest) = shares.iter_mut().max() {
        *largest = (*largest + width).saturating_sub(sum);
    }
    let parts = counts.into_iter().zip(shares).zip(['█', '▓', '▒', '░']);
    parts
        .map(|(((_, _, style), share), mark)| paint.on(style, &mark.to_string().repeat(share)))
        .collect()
}

fn state_counts(course: &Course) -> [(&'static str, u64, Style); 4] {
    [
        ("active", course.active, Style::new().green()),
        ("watching", course.watching, Style::new().blue()),
        ("idle", course.idle, Style::new().yellow()),
        ("away", course.away, Style::new().dim()),
    ]
}

/// The newest values that fit, newest last.
fn sparkline(values: &[u64], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &u64| {
        let height = value.saturating_mul(BARS.len() as u64 - 1).div_ceil(most);
        BARS[usize::try_from(height).unwrap_or(0).min(BARS.len() - 1)]
    };
    shown.iter().map(bar).collect()
}

/// The command line as the user would call it: through cargo, if the demo runs through cargo.
pub fn cli() -> &'static str {
    match std::env::var_os("CARGO") {
        Some(_) => CARGO_CLI,
        None => "homeroom",
    }
}
