//! The progress bar of an ingest, on stderr.

use std::time::Duration;

use homeroom_client::Failure;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{input::SourceProgress, terminal::escape_line};

const REDRAW: Duration = Duration::from_millis(200);

/// The progress bar of an ingest, on stderr. indicatif shows it at a terminal only.
pub(super) struct IngestProgress {
    bar: ProgressBar,
    source: SourceProgress,
}

impl IngestProgress {
    pub(super) fn start(source: SourceProgress) -> Self {
        let (bar, template) = match source.bytes_total() {
            Some(total) => (
                ProgressBar::new(total),
                "{bar:30} {bytes}/{total_bytes} {elapsed} {msg}",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner} {bytes} {elapsed} {msg}",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(REDRAW);
        }
        Self { bar, source }
    }

    pub(super) fn update(&self, acknowledged: u64, trouble: Option<&Failure>) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(self.source.bytes_read());
        self.bar.set_message(match trouble {
            Some(trouble) => {
                let trouble = trouble.to_string();
                format!("{acknowledged} events; retrying: {}", escape_line(&trouble))
            }
            None => format!("{acknowledged} events"),
        });
    }
}

impl Drop for IngestProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
