//! A delivery as it came, to be kept if it is refused.

use homeroom_core::PayloadFormat;

use super::{
    labels::{self, Labels},
    limits::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX},
};

/// Its bytes as received, and their form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery<'p> {
    pub format: PayloadFormat,
    pub bytes: &'p [u8],
}

impl Delivery<'_> {
    /// The names that its sender knows the fields by.
    pub fn labels(self) -> &'static Labels {
        match self.format {
            PayloadFormat::XapiJson | PayloadFormat::StandardXapiJson => &labels::XAPI,
            _ => &labels::CONTRACT,
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
