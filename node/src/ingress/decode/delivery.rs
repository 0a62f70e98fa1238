//! A delivery as it came, to be kept if it is refused.

use homeroom_core::PayloadFormat;

use super::{
    labels::{self, Labels},
    limits::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX},
};

/// Its bytes, in one of the forms that have a door.
#[derive(Clone, Copy, Debug)]
pub(super) enum Delivery<'p> {
    NativeJson(&'p [u8]),
    XapiJson(&'p [u8]),
    /// Held against the standard.
    StandardXapiJson(&'p [u8]),
    /// A message of the wire contract.
    Protobuf(&'p [u8]),
}

impl<'p> Delivery<'p> {
    pub fn format(self) -> PayloadFormat {
        match self {
            Self::NativeJson(_) => PayloadFormat::NativeJson,
            Self::XapiJson(_) => PayloadFormat::XapiJson,
            Self::StandardXapiJson(_) => PayloadFormat::StandardXapiJson,
            Self::Protobuf(_) => PayloadFormat::Protobuf,
        }
    }

    /// The names that its sender knows.
    pub fn labels(self) -> &'static Labels {
        match self {
            Self::NativeJson(_) | Self::Protobuf(_) => &labels::CONTRACT,
            Self::XapiJson(_) | Self::StandardXapiJson(_) => &labels::XAPI,
        }
    }

    /// As received.
    pub fn bytes(self) -> &'p [u8] {
        match self {
            Self::NativeJson(bytes)
            | Self::XapiJson(bytes)
            | Self::StandardXapiJson(bytes)
            | Self::Protobuf(bytes) => bytes,
        }
    }
}

/// What is kept of a refused delivery's bytes.
pub(super) fn cut(payload: &[u8]) -> &[u8] {
    if payload.len() <= EVENT_BYTES_MAX {
        payload
    } else {
        &payload[..CUT_PAYLOAD_BYTES]
    }
}
