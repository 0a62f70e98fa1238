//! A delivery as it came, to be kept if it is refused.

use std::borrow::Cow;

use homeroom_core::PayloadFormat;
use homeroom_proto::v1;
use prost::Message;

use super::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX};

/// Its bytes, in one of the forms that have a door.
#[derive(Clone, Copy, Debug)]
pub(super) enum Delivery<'p> {
    NativeJson(&'p [u8]),
    XapiJson(&'p [u8]),
    /// Held against the standard.
    StandardXapiJson(&'p [u8]),
    /// The transport keeps no bytes of a message: they are those of the message encoded anew.
    Protobuf(&'p v1::Event),
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

    /// Size as received, bytes.
    pub fn len(self) -> usize {
        match self {
            Self::NativeJson(bytes) | Self::XapiJson(bytes) | Self::StandardXapiJson(bytes) => {
                bytes.len()
            }
            Self::Protobuf(event) => event.encoded_len(),
        }
    }

    pub fn bytes(self) -> Cow<'p, [u8]> {
        match self {
            Self::NativeJson(bytes) | Self::XapiJson(bytes) | Self::StandardXapiJson(bytes) => {
                Cow::Borrowed(bytes)
            }
            Self::Protobuf(event) => Cow::Owned(event.encode_to_vec()),
        }
    }
}

/// What is kept of a refused delivery's bytes.
pub(super) fn cut(payload: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if payload.len() <= EVENT_BYTES_MAX {
        return payload;
    }
    match payload {
        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[..CUT_PAYLOAD_BYTES]),
        Cow::Owned(bytes) => Cow::Owned(bytes[..CUT_PAYLOAD_BYTES].to_vec()),
    }
}
