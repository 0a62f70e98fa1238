//! What ingress passes on.

use homeroom_core::entry::RecordBuffer;
use homeroom_core::{Event, Refusal};

/// One delivery, as ingress passes it on.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Delivery {
    /// A valid event.
    Event(Event<'static>),
    /// Refused by ingress.
    Refused(Refusal<'static>),
}

impl Delivery {
    /// The encoded records of some deliveries.
    pub fn piece(deliveries: &[Self]) -> RecordBuffer {
        let mut records = RecordBuffer::default();
        for delivery in deliveries {
            match delivery {
                Self::Event(event) => records.push_event(event),
                Self::Refused(refusal) => records.push_refusal(refusal.clone()),
            }
        }
        records
    }
}
