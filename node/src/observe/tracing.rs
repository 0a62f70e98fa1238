//! Writes log lines to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::TryInitError;

use crate::config::{LogFormat, LogLevel, LogOutputConfig};

/// Why log lines can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TracingError {
    /// `RUST_LOG` can't be parsed.
    #[error("RUST_LOG = {text:?} is no filter: {source}")]
    Filter {
        /// Its value.
        text: String,
        /// The parser's error.
        source: ParseError,
    },
    /// Another subscriber is installed already.
    #[error("log lines are set up twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Our own crates, which log from the configured level on; all others log from `warn` on.
const OURS: [&str; 3] = ["homeroom_node", "homeroom_core", "homeroom"];

/// Installs the subscriber, once per process. `rust_log` is the value of `RUST_LOG`, and overrides
/// the configured level.
///
/// # Errors
/// When `rust_log` can't be parsed, or a subscriber is installed already.
pub fn init(config: &LogOutputConfig, rust_log: Option<&str>) -> Result<(), TracingError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let filter = filter(config.level, rust_log)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // These errors are reported by a macro that panics once standard error is closed. A node
        // continues without log lines instead.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .finish()
            .try_init()?,
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .finish()
            .try_init()?,
    }
    Ok(())
}

fn filter(level: LogLevel, rust_log: Option<&str>) -> Result<EnvFilter, TracingError> {
    let level = level.name();
    let others = if level == "error" { "error" } else { "warn" };
    let mut directives = others.to_owned();
    for ours in OURS {
        directives.push_str(&format!(",{ours}={level}"));
    }
    let given = rust_log.filter(|text| !text.trim().is_empty());
    if let Some(text) = given {
        // Later directives override earlier ones for the same target.
        directives.push_str(&format!(",{text}"));
    }
    EnvFilter::try_new(directives).map_err(|source| TracingError::Filter {
        text: given.unwrap_or_default().to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(level: LogLevel, rust_log: Option<&str>) -> Vec<String> {
        let filter = filter(level, rust_log).expect("filter").to_string();
        let mut directives: Vec<String> = filter.split(',').map(str::to_owned).collect();
        directives.sort();
        directives
    }

    #[test]
    fn the_level_is_ours_alone_and_rust_log_goes_over_it() {
        let plain = [
            "homeroom=debug",
            "homeroom_core=debug",
            "homeroom_node=debug",
            "warn",
        ];
        assert_eq!(shown(LogLevel::Debug, None), plain);
        assert_eq!(shown(LogLevel::Debug, Some(" ")), plain);
        let over = [
            "homeroom=info",
            "homeroom_core=info",
            "homeroom_node=trace",
            "openraft=info",
            "warn",
        ];
        let rust_log = "openraft=info,homeroom_node=trace";
        assert_eq!(shown(LogLevel::Info, Some(rust_log)), over);
    }

    #[test]
    fn a_filter_that_can_not_be_read_is_an_error() {
        let error = filter(LogLevel::Info, Some("homeroom_node=loud")).expect_err("no level");
        assert!(
            error
                .to_string()
                .starts_with("RUST_LOG = \"homeroom_node=loud\" is no filter")
        );
    }
}
