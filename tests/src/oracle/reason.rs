//! Why an event is refused.

use serde::Serialize;

/// The reasons of refusal, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not JSON.
    Malformed,
    /// More than 64 KiB as received.
    Oversized,
    /// JSON, but not an object, or a field of the wrong JSON type.
    SchemaMismatch,
    /// A required field is absent, null or an empty string.
    MissingField,
    /// The timestamp is not an RFC 3339 text.
    BadTimestamp,
    /// The timestamp is too far ahead of log time.
    FutureTimestamp,
    /// A negative time, or a score outside its bounds.
    ValueOutOfRange,
    /// Valid and new, but older than the retention.
    BeyondRetention,
    /// Its learner has no room for it.
    LearnerFull,
}

impl Reason {
    /// The name in Homeroom's output.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::Oversized => "oversized",
            Reason::SchemaMismatch => "schema_mismatch",
            Reason::MissingField => "missing_field",
            Reason::BadTimestamp => "bad_timestamp",
            Reason::FutureTimestamp => "future_timestamp",
            Reason::ValueOutOfRange => "value_out_of_range",
            Reason::BeyondRetention => "beyond_retention",
            Reason::LearnerFull => "learner_full",
        }
    }
}

/// A refusal, with the source under which it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// The source in the event itself, if it could be read.
    pub source: Option<String>,
}
