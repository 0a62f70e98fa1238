//! Refused events and their reasons.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why an event became a dead letter. The numbers belong to the wire contract and the encoding:
/// never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Not JSON, or not a message of the contract.
    Malformed,
    /// A required field is absent or empty.
    MissingField,
    /// The timestamp can't be read.
    BadTimestamp,
    /// More than 60 s ahead of log time.
    FutureTimestamp,
    /// A value outside its bounds.
    ValueOutOfRange,
    /// Over 64 KiB as received.
    Oversized,
    /// Readable, but not of the expected shape.
    SchemaMismatch,
    /// Its window is settled, and the late policy is `dead_letter`.
    Late,
    /// Before the retention's floor.
    BeyondRetention,
    /// Applying it panics.
    Poison,
    /// Its learner has no room for it.
    LearnerFull,
}

impl Reason {
    /// All reasons, in the order of the contract.
    pub const ALL: [Self; 11] = [
        Self::Malformed,
        Self::MissingField,
        Self::BadTimestamp,
        Self::FutureTimestamp,
        Self::ValueOutOfRange,
        Self::Oversized,
        Self::SchemaMismatch,
        Self::Late,
        Self::BeyondRetention,
        Self::Poison,
        Self::LearnerFull,
    ];

    /// The name that metrics, CLI and documents use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::MissingField => "missing_field",
            Self::BadTimestamp => "bad_timestamp",
            Self::FutureTimestamp => "future_timestamp",
            Self::ValueOutOfRange => "value_out_of_range",
            Self::Oversized => "oversized",
            Self::SchemaMismatch => "schema_mismatch",
            Self::Late => "late",
            Self::BeyondRetention => "beyond_retention",
            Self::Poison => "poison",
            Self::LearnerFull => "learner_full",
        }
    }

    /// An explanation for events that their learner refused; empty for faults that ingress explains
    /// itself.
    pub fn words(self) -> &'static str {
        match self {
            Self::Late => "its window is settled, and the policy for late events is dead_letter",
            Self::BeyondRetention => "older than the retention",
            Self::Poison => "handling it panics",
            Self::LearnerFull => {
                "its learner has no room: learner-bytes-max, or a bound of its events"
            }
            _ => "",
        }
    }
}

/// The format of a dead letter's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayloadFormat {
    /// A native JSON event.
    NativeJson,
    /// An xAPI statement.
    XapiJson,
    /// A message of the wire contract.
    Protobuf,
    /// An [`crate::Event`] in its own encoding, refused after it was normalised.
    Normalised,
    /// An xAPI statement that is checked against the standard. Last, since stored letters encode
    /// the format by its position.
    StandardXapiJson,
}

/// An event refused before it reached its learner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal<'a> {
    /// The sender, or `listener:…` if it is unknown.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// Why it was refused.
    pub reason: Reason,
    /// The field, and what is wrong with it.
    #[serde(borrow)]
    pub detail: Cow<'a, str>,
    /// The learner, if known.
    #[serde(borrow)]
    pub user_id: Option<Cow<'a, str>>,
    /// Form of the payload.
    pub format: PayloadFormat,
    /// Hash of the received bytes before truncation: the refusal's identity.
    pub payload_hash: u64,
    /// The received event; an oversized one is truncated.
    #[serde(borrow, with = "serde_bytes")]
    pub payload: Cow<'a, [u8]>,
}
