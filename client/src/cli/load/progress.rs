//! A line on stderr while a load goes on.

use std::time::Duration;

use homeroom_client::load::{Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};

const REDRAW: Duration = Duration::from_millis(500);

/// How far a load is: a line on stderr, at a terminal only (indicatif sees to that).
pub(super) struct LoadProgress {
    bar: ProgressBar,
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
        Self { bar }
    }

    pub(super) fn update(&self, progress: &Progress) {
        if !self.bar.is_hidden() {
            self.bar.set_message(line(progress));
        }
    }
}

impl Drop for LoadProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn line(progress: &Progress) -> String {
    let mut line = match progress.stage {
        Stage::Arrival => format!("learners come in: {} events", progress.acknowledged),
        Stage::Measured => "measured".to_owned(),
        Stage::NullSink => return "baseline: a sink that does nothing".to_owned(),
        Stage::Append => return "baseline: appends and fdatasync".to_owned(),
        Stage::InMemory => return "baseline: by hand in memory".to_owned(),
    };
    if let Some(planned) = progress.planned {
        let left = planned.saturating_sub(progress.passed).as_secs();
        line.push_str(&format!(", {left} s left"));
    }
    line.push_str(&format!(", {:.0} events/s", progress.events_per_second));
    if let (Some(p50), Some(p99)) = (progress.insight.p50_ms, progress.insight.p99_ms) {
        line.push_str(&format!(", insight p50 {p50:.1} ms, p99 {p99:.1} ms"));
    }
    line
}
