//! Events that travel together.

use bytes::Bytes;
use homeroom_proto::{encoded, v1};

/// Events that travel together, and are sent again together: the same bytes each time, shared and not copied.
#[derive(Clone, Debug)]
pub enum Batch {
    /// Encoded events, one `homeroom.v1.Event` each. One that can't be decoded becomes a dead letter.
    Events(Vec<Bytes>),
    /// Events as their source wrote them; the node decodes them.
    Raw(v1::RawEvents),
}

/// What a request carries: its events, and its raw events.
pub(crate) type Parts = (Vec<Bytes>, Option<v1::RawEvents>);

impl Batch {
    /// A batch of these events. They are encoded here, and never again.
    pub fn of_events(events: &[v1::Event]) -> Self {
        Self::Events(encoded(events))
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        match self {
            Self::Events(events) => events.len(),
            Self::Raw(raw) => raw.payloads.len(),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it weighs in a publisher's window, in bytes: close to its size on the wire.
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

    /// The whole batch as a request's parts.
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
