//! Batches of events: the unit that is sent, acknowledged and retried.

use bytes::Bytes;
use homeroom_proto::{encoded, v1};

/// Events that are sent, and retried, as one. The encoded bytes are shared between attempts, not
/// copied.
#[derive(Clone, Debug)]
pub enum Batch {
    /// Encoded events, one `homeroom.v1.Event` each. An event that can't be decoded becomes a dead
    /// letter.
    Events(Vec<Bytes>),
    /// Events in their source's own format; the node decodes them.
    Raw(v1::RawEvents),
}

/// The fields of a request: encoded events, and raw events.
pub(crate) type Parts = (Vec<Bytes>, Option<v1::RawEvents>);

impl Batch {
    /// A batch of these events, encoded once.
    pub fn of_events(events: &[v1::Event]) -> Self {
        Self::Events(encoded(events))
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        match self {
            Self::Events(events) => events.len(),
            Self::Raw(raw) => raw.payloads.len(),
        }
    }

    /// Whether the batch has no events.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The size in bytes that counts against a publisher's window: close to the size on the wire.
    pub fn weight_bytes(&self) -> usize {
        const FRAME_BYTES: usize = 4;
        let payloads = match self {
            Self::Events(events) => events,
            Self::Raw(raw) => &raw.payloads,
        };
        payloads
            .iter()
            .map(|payload| payload.len() + FRAME_BYTES)
            .sum()
    }

    /// All events, as the fields of a request.
    pub(crate) fn all(&self) -> Parts {
        match self {
            Self::Events(events) => (events.clone(), None),
            Self::Raw(raw) => (Vec::new(), Some(raw.clone())),
        }
    }

    /// Only the events at `indexes`, in that order.
    pub(crate) fn only(&self, indexes: &[usize]) -> Parts {
        match self {
            Self::Events(events) => {
                let chosen = indexes.iter().map(|&index| events[index].clone());
                (chosen.collect(), None)
            }
            Self::Raw(raw) => {
                let chosen = indexes.iter().map(|&index| raw.payloads[index].clone());
                let raw = v1::RawEvents {
                    format: raw.format,
                    payloads: chosen.collect(),
                    source: raw.source.clone(),
                };
                (Vec::new(), Some(raw))
            }
        }
    }
}
