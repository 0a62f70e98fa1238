//! Parsers of values on the command line.

use std::time::Duration;

use clap::ValueEnum;
use homeroom_client::v1;
use jiff::Timestamp;

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write for instance 30s, 5m or 10d"))
}

/// A duration as the contract's ms.
pub(super) fn duration_ms(text: &str) -> Result<i64, String> {
    let parsed = duration(text)?;
    i64::try_from(parsed.as_millis()).map_err(|_| "too long".to_owned())
}

/// A number of bytes, KiB or MiB.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let unit = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number
        .zip(unit)
        .and_then(|(number, unit)| number.checked_mul(unit));
    bytes.ok_or_else(|| "write for instance 65536, 512KiB or 2MiB".to_owned())
}

/// RFC 3339 with an offset, or ms since the epoch.
pub(super) fn time_ms(text: &str) -> Result<i64, String> {
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    let parsed: Result<Timestamp, _> = text.parse();
    parsed.map(Timestamp::as_millisecond).map_err(|_| {
        "write a time with its offset, like 2026-03-02T08:00:00Z, or ms since the epoch".to_owned()
    })
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Consistency {
    /// Sees every write acknowledged before the read began.
    Linearizable,
    /// At least as new as this client's own acknowledged writes.
    Session,
    /// At most --max-staleness old.
    Bounded,
    /// Whatever the answering replica has.
    Any,
}

/// Which windows.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct WindowArgs {
    /// Length of a window, a multiple of 5s.
    #[arg(long, value_name = "DURATION", value_parser = duration_ms, default_value = "60s")]
    pub(super) size: i64,
    /// From the start of one window to that of the next, a multiple of 5s that divides --size;
    /// --size when not given.
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    pub(super) step: Option<i64>,
    /// Windows that start at or after this.
    #[arg(long, value_name = "RFC3339|MS", value_parser = time_ms, allow_hyphen_values = true)]
    pub(super) from: Option<i64>,
    /// Windows that start before this.
    #[arg(long, value_name = "RFC3339|MS", value_parser = time_ms, allow_hyphen_values = true)]
    pub(super) to: Option<i64>,
}

/// How current an answer has to be.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ReadArgs {
    /// How current the answer has to be; bounded when not given.
    #[arg(long, value_enum)]
    consistency: Option<Consistency>,
    /// For bounded reads.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1s")]
    max_staleness: Duration,
}

impl ReadArgs {
    pub(super) fn options(&self) -> v1::ReadOptions {
        let consistency = match self.consistency {
            None => v1::Consistency::Unspecified,
            Some(Consistency::Linearizable) => v1::Consistency::Linearizable,
            Some(Consistency::Session) => v1::Consistency::Session,
            Some(Consistency::Bounded) => v1::Consistency::Bounded,
            Some(Consistency::Any) => v1::Consistency::Any,
        };
        let max_staleness_ms = u32::try_from(self.max_staleness.as_millis()).unwrap_or(u32::MAX);
        v1::ReadOptions {
            consistency: consistency.into(),
            max_staleness_ms,
            ..Default::default()
        }
    }
}

/// `bad_timestamp` or `BAD_TIMESTAMP`.
pub(super) fn reason(text: &str) -> Result<v1::DeadLetterReason, String> {
    let name = format!("DEAD_LETTER_REASON_{}", text.to_ascii_uppercase());
    v1::DeadLetterReason::from_str_name(&name).ok_or_else(|| {
        let all = (1..).map_while(|value| v1::DeadLetterReason::try_from(value).ok());
        let all: Vec<_> = all.map(crate::render::reason).collect();
        format!("no such reason; there are {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_forms() {
        assert_eq!(time_ms("1772438400000"), Ok(1_772_438_400_000));
        assert_eq!(time_ms("2026-03-02T09:00:00+01:00"), Ok(1_772_438_400_000));
        assert!(time_ms("yesterday").is_err() && time_ms("2026-03-02T09:00:00").is_err());
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration_ms("10d"), Ok(864_000_000));
        assert!(duration_ms("10").is_err());
    }

    #[test]
    fn reasons_are_read_in_either_case_and_listed_when_wrong() {
        assert_eq!(
            reason("bad_timestamp"),
            Ok(v1::DeadLetterReason::BadTimestamp)
        );
        assert_eq!(reason("LATE"), Ok(v1::DeadLetterReason::Late));
        assert!(reason("x").is_err_and(|message| message.contains("beyond_retention")));
    }
}
