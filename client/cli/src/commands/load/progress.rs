//! The progress of a load, on stderr.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::load::{Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};

const REDRAW: Duration = Duration::from_millis(500);

/// Between two lines where the output is not a terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// The progress of a load, on stderr: one line redrawn at a terminal, otherwise a line every few
/// seconds.
pub(super) struct LoadProgress {
    bar: ProgressBar,
    shown: Option<(Stage, Instant)>,
}

impl LoadProgress {
    pub(super) fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(REDRAW);
        }
        Self { bar, shown: None }
    }

    pub(super) fn update(&mut self, progress: &Progress) {
        if !self.bar.is_hidden() {
            self.bar.set_message(line(progress));
            return;
        }
        let is_recent =
            |(stage, at): (Stage, Instant)| stage == progress.stage && at.elapsed() < BETWEEN_LINES;
        if !self.shown.is_some_and(is_recent) {
            self.shown = Some((progress.stage, Instant::now()));
            // A closed stderr is not an error.
            let _ = writeln!(io::stderr(), "{}", line(progress));
        }
    }
}

impl Drop for LoadProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn line(progress: &Progress) -> String {
    let passed = progress.passed.as_secs();
    let mut line = match (progress.stage, progress.planned) {
        (Stage::Arrival, _) => format!("learners come in: {} events", progress.acknowledged),
        (Stage::Measured, Some(planned)) if progress.passed <= planned => {
            format!("measuring: {passed} of {} s", planned.as_secs())
        }
        (Stage::Measured, Some(planned)) => {
            let since = progress.passed - planned;
            format!("waiting for outcomes: {} s", since.as_secs())
        }
        (Stage::Measured, None) => format!("measuring: {passed} s"),
        (Stage::NullSink, _) => return "baseline: a sink that does nothing".to_owned(),
        (Stage::Append, _) => return "baseline: appends and fdatasync".to_owned(),
        (Stage::InMemory, _) => return "baseline: by hand in memory".to_owned(),
    };
    // The first figures have no rate yet.
    if progress.acknowledged > 0 {
        line.push_str(&format!(", {:.0} events/s", progress.events_per_second));
    }
    for (name, times) in [("ack", progress.ack), ("insight", progress.insight)] {
        if let (Some(p50), Some(p99)) = (times.p50_ms, times.p99_ms) {
            line.push_str(&format!(", {name} p50 {p50:.1} ms, p99 {p99:.1} ms"));
        }
    }
    if progress.errors > 0 {
        line.push_str(&format!(", {} errors", progress.errors));
    }
    line
}

#[cfg(test)]
mod tests {
    use crate::load::Quantiles;

    use super::*;

    #[test]
    fn a_line_tells_how_far_it_is_and_how_it_goes() {
        let times = |ms| Quantiles {
            samples: 1,
            p50_ms: Some(ms),
            p99_ms: Some(2.0 * ms),
            ..Quantiles::default()
        };
        let begun = Progress {
            stage: Stage::Measured,
            passed: Duration::ZERO,
            planned: Some(Duration::from_secs(20)),
            acknowledged: 0,
            events_per_second: 0.0,
            ack: Quantiles::default(),
            insight: Quantiles::default(),
            errors: 0,
        };
        assert_eq!(line(&begun), "measuring: 0 of 20 s");
        let going = Progress {
            passed: Duration::from_millis(7_200),
            acknowledged: 5,
            events_per_second: 19_999.6,
            ack: times(1.25),
            insight: times(1.5),
            errors: 3,
            ..begun
        };
        let expected = "measuring: 7 of 20 s, 20000 events/s, ack p50 1.2 ms, p99 2.5 ms, insight p50 1.5 ms, p99 3.0 ms, 3 errors";
        assert_eq!(line(&going), expected);
        let over = Progress {
            passed: Duration::from_secs(31),
            ..begun
        };
        assert_eq!(line(&over), "waiting for outcomes: 11 s");
    }
}
