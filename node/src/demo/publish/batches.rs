//! Cuts deliveries into batches, and selects those that are sent twice.

use homeroom_client::Batch as Request;
use homeroom_proto::v1;

use crate::demo::class::{Content, Delivery};

/// One batch in this many is sent twice, as by a source that missed the acknowledgement.
const AGAIN_ONE_OF: u64 = 20;

/// Deliveries that are published together.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// When the oldest delivery was due, ms since the epoch.
    pub(super) due_ms: i64,
    /// Well-formed events.
    pub(super) events: Vec<v1::Event>,
    /// Broken events, as JSON text.
    pub(super) payloads: Vec<Vec<u8>>,
    /// Whether the source sends it twice, although it was acknowledged.
    pub(super) again: bool,
}

/// Cuts deliveries into batches.
#[derive(Debug, Default)]
pub(super) struct Batches {
    cut: u64,
}

impl Batches {
    /// Batches of at most `events_max`, in the order of the deliveries.
    pub(super) fn cut(&mut self, deliveries: Vec<Delivery>, events_max: usize) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut deliveries = deliveries.into_iter().peekable();
        while let Some(oldest) = deliveries.peek() {
            let mut batch = Batch {
                due_ms: oldest.due_ms,
                events: Vec::new(),
                payloads: Vec::new(),
                again: self.cut % AGAIN_ONE_OF == AGAIN_ONE_OF / 2,
            };
            self.cut += 1;
            for delivery in deliveries.by_ref().take(events_max.max(1)) {
                match delivery.content {
                    Content::Event(event) => batch.events.push(*event),
                    Content::Json(payload) => batch.payloads.push(payload),
                }
            }
            batches.push(batch);
        }
        batches
    }
}

impl Batch {
    /// The requests: the well-formed events, then the broken ones, if any.
    pub(super) fn requests(&self) -> [Option<Request>; 2] {
        let events = (!self.events.is_empty()).then(|| Request::of_events(&self.events));
        let raw = (!self.payloads.is_empty()).then(|| {
            Request::Raw(v1::RawEvents {
                format: v1::RawFormat::NativeJson.into(),
                payloads: self.payloads.iter().cloned().map(Into::into).collect(),
                source: String::new(),
            })
        });
        [events, raw]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::class::{Script, Source};

    fn deliveries() -> Vec<Delivery> {
        let mut deliveries = Script::new(1, 40, 0).until(300_000);
        deliveries.insert(
            3,
            Delivery {
                due_ms: 0,
                source: Source::Lms,
                content: Content::Json(b"{".to_vec()),
            },
        );
        deliveries
    }

    fn size(batch: &Batch) -> usize {
        batch.events.len() + batch.payloads.len()
    }

    #[test]
    fn nothing_is_lost_and_some_are_sent_again() {
        let deliveries = deliveries();
        let count = deliveries.len();
        let batches = Batches::default().cut(deliveries, 8);
        assert_eq!(batches.iter().map(size).sum::<usize>(), count);
        assert!(batches.iter().all(|batch| size(batch) <= 8));
        let again = batches.iter().filter(|batch| batch.again).count();
        assert!(again > 0 && again * 10 < batches.len(), "{again}");
    }

    #[test]
    fn broken_events_are_published_as_they_are_written() {
        let batch = Batches::default().cut(deliveries(), 8).swap_remove(0);
        let [events, raw] = batch.requests();
        assert_eq!(events.map(|events| events.len()), Some(7));
        assert_eq!(raw.map(|raw| raw.len()), Some(1));
    }
}
