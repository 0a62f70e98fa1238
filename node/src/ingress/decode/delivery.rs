//! A delivery as received. Its bytes are kept when it is refused.

use homeroom_core::PayloadFormat;

use super::{
    labels::{self, Labels},
    limits::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX},
};

/// The bytes of a delivery as received, and their form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery<'p> {
    pub format: PayloadFormat,
    pub bytes: &'p [u8],
}

impl Delivery<'_> {
    /// The names of the fields in this form.
    pub fn labels(self) -> &'static Labels {
        match self.format {
            PayloadFormat::XapiJson | PayloadFormat::StandardXapiJson => &labels::XAPI,
            _ => &labels::CONTRACT,
        }
    }
}

/// The part of a refused delivery's bytes that its dead letter keeps.
pub(super) fn cut(payload: &[u8]) -> &[u8] {
    if payload.len() <= EVENT_BYTES_MAX {
        payload
    } else {
        &payload[..CUT_PAYLOAD_BYTES]
    }
}
