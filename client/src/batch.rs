//! Events that travel together.

use homeroom_proto::v1;

/// Events that travel together, and are sent again together.
#[derive(Clone, Debug)]
pub enum Batch {
    /// Decoded events.
    Events(Vec<v1::Event>),
    /// Events as their source wrote them; the node decodes them.
    Raw(v1::RawEvents),
}

/// What a request carries: its events, and its raw events.
type Parts = (Vec<v1::Event>, Option<v1::RawEvents>);

impl Batch {
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
        match self {
            Self::Events(events) => events
                .iter()
                .map(|event| event_bytes(event) + FRAME_BYTES)
                .sum(),
            Self::Raw(raw) => raw
                .payloads
                .iter()
                .map(|payload| payload.len() + FRAME_BYTES)
                .sum(),
        }
    }

    /// The whole batch as a request's parts. Raw payloads are shared, not copied.
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

fn event_bytes(event: &v1::Event) -> usize {
    prost::Message::encoded_len(event)
}
