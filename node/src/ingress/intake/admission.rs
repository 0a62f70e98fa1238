//! Sorts the deliveries of one request by shard.

use homeroom_core::{
    Event, Refusal,
    entry::{RecordBuffer, refusal_hash},
    learner_hash, shard_of,
};

use crate::route::Routed;

use super::super::decode::{DeliveryContext, decode_native, decode_proto, decode_xapi};

/// Bytes reserved per record. Most events of learning systems take less. A larger record only costs
/// a copy of its shard's buffer.
const RECORD_BYTES: usize = 256;

/// Collects the records of a request's deliveries, in their order. The caller bounds the bytes of a
/// request.
#[derive(Debug)]
pub struct Admission<'s> {
    context: DeliveryContext<'s>,
    /// Deliveries per shard, if they are spread evenly.
    share: usize,
    /// In the order of their first delivery.
    parts: Vec<Routed>,
    /// By shard: the index of its part in `parts`.
    places: Vec<Option<u16>>,
    /// The index of each delivery that was refused or not taken, and its detail.
    pub details: Vec<(u32, String)>,
    /// The age of each event on arrival, by log time, ms; `None` if it was refused or not taken.
    pub ages_ms: Vec<Option<i64>>,
}

impl<'s> Admission<'s> {
    /// For a request of about `deliveries` deliveries.
    pub fn new(context: DeliveryContext<'s>, deliveries: usize) -> Self {
        let shards = context.log_times_ms.len();
        Self {
            context,
            share: deliveries.div_ceil(shards.max(1)),
            parts: Vec::with_capacity(deliveries.min(shards)),
            places: vec![None; shards],
            details: Vec::new(),
            ages_ms: Vec::with_capacity(deliveries),
        }
    }

    /// Adds a native JSON event.
    pub fn native(&mut self, payload: &[u8]) {
        let decoded = decode_native(payload, &self.context);
        self.delivery(decoded);
    }

    /// Adds an xAPI statement; see [`decode_xapi`].
    pub fn xapi(&mut self, payload: &[u8], default_source: &str) {
        let decoded = decode_xapi(payload, default_source, &self.context);
        self.delivery(decoded);
    }

    /// Adds an encoded protobuf event.
    pub fn proto(&mut self, payload: &[u8]) {
        let decoded = decode_proto(payload, &self.context);
        self.delivery(decoded);
    }

    /// Adds a decoded delivery, unless its shard has no log time: then it has no outcome, and is to
    /// be sent again.
    pub fn delivery(&mut self, decoded: Result<Event<'_>, Refusal<'_>>) {
        let hash = match &decoded {
            Ok(event) => learner_hash(&event.user_id),
            Err(refusal) => refusal_hash(refusal),
        };
        let slot = self.deliveries();
        let shard = shard_of(hash, self.shards());
        let Some(now_ms) = self.context.log_time_ms(shard) else {
            self.ages_ms.push(None);
            self.details
                .push((slot, format!("shard {shard} has no log time yet")));
            return;
        };
        let time_ms = decoded.as_ref().ok().map(|event| event.timestamp_ms);
        self.ages_ms
            .push(time_ms.map(|time_ms| now_ms.saturating_sub(time_ms)));
        let part = self.part(shard);
        part.slots.push(slot);
        match decoded {
            Ok(event) => part.records.push_event(&event),
            Err(refusal) => {
                let detail = refusal.detail.to_string();
                part.records.push_refusal(refusal);
                self.details.push((slot, detail));
            }
        }
    }

    fn part(&mut self, shard: u32) -> &mut Routed {
        let place = &mut self.places[shard as usize];
        let place = *place.get_or_insert_with(|| {
            self.parts.push(Routed {
                shard,
                records: RecordBuffer::with_capacity(self.share * RECORD_BYTES),
                slots: Vec::with_capacity(self.share),
            });
            u16::try_from(self.parts.len() - 1).expect("no more parts than shards")
        });
        &mut self.parts[usize::from(place)]
    }

    /// Number of shards in the cluster.
    pub fn shards(&self) -> u32 {
        self.context.shards()
    }

    /// The context of the request, for callers that decode deliveries themselves.
    pub fn context(&self) -> DeliveryContext<'s> {
        self.context
    }

    /// Number of deliveries so far, which is the number of outcomes.
    pub fn deliveries(&self) -> u32 {
        u32::try_from(self.ages_ms.len()).expect("requests are bounded")
    }

    /// Takes the parts out: one per shard with deliveries, ordered by shard.
    pub fn take_parts(&mut self) -> Vec<Routed> {
        self.parts.sort_unstable_by_key(|part| part.shard);
        std::mem::take(&mut self.parts)
    }
}
