//! The deliveries of one request, sorted by the shards that they belong to.

use std::collections::BTreeMap;

use homeroom_core::{
    Event, Refusal,
    entry::{RecordBuffer, refusal_hash},
    learner_hash, shard_of,
};
use homeroom_proto::v1;

use crate::route::Routed;

use super::{Arrival, decode_native, decode_proto, decode_xapi};

/// Takes a request's deliveries in their order. How many bytes a request may have is for the caller to bound.
#[derive(Debug)]
pub struct Admission<'s> {
    arrival: Arrival<'s>,
    shards: u32,
    slots: u32,
    bytes: usize,
    parts: BTreeMap<u32, Routed>,
    details: Vec<(u32, String)>,
    times_ms: Vec<Option<i64>>,
}

impl<'s> Admission<'s> {
    /// For a request to a cluster of so many shards.
    pub fn new(arrival: Arrival<'s>, shards: u32) -> Self {
        Self {
            arrival,
            shards,
            slots: 0,
            bytes: 0,
            parts: BTreeMap::new(),
            details: Vec::new(),
            times_ms: Vec::new(),
        }
    }

    /// Takes a native JSON event.
    pub fn native(&mut self, payload: &[u8]) {
        let decoded = decode_native(payload, &self.arrival);
        self.delivery(decoded);
    }

    /// Takes an xAPI statement; see [`decode_xapi`].
    pub fn xapi(&mut self, payload: &[u8], default_source: &str) {
        let decoded = decode_xapi(payload, default_source, &self.arrival);
        self.delivery(decoded);
    }

    /// Takes an event of the wire contract.
    pub fn proto(&mut self, event: &v1::Event) {
        let decoded = decode_proto(event, &self.arrival);
        self.delivery(decoded);
    }

    /// Takes a delivery that was decoded already.
    pub fn delivery(&mut self, decoded: Result<Event<'_>, Refusal<'_>>) {
        let hash = match &decoded {
            Ok(event) => learner_hash(&event.user_id),
            Err(refusal) => refusal_hash(refusal),
        };
        self.times_ms
            .push(decoded.as_ref().ok().map(|event| event.timestamp_ms));
        let shard = shard_of(hash, self.shards);
        let part = self.parts.entry(shard).or_insert_with(|| Routed {
            shard,
            records: RecordBuffer::default(),
            slots: Vec::new(),
        });
        let bytes_before = part.records.len();
        match decoded {
            Ok(event) => part.records.push_event(&event),
            Err(refusal) => {
                self.details.push((self.slots, refusal.detail.to_string()));
                part.records.push_refusal(refusal);
            }
        }
        part.slots.push(self.slots);
        self.bytes += part.records.len() - bytes_before;
        self.slots += 1;
    }

    /// How many shards the cluster has.
    pub fn shards(&self) -> u32 {
        self.shards
    }

    /// The circumstances of all its deliveries, for what decodes them outside.
    pub fn arrival(&self) -> Arrival<'s> {
        self.arrival
    }

    /// How many deliveries it has taken: the number of the request's outcomes.
    pub fn deliveries(&self) -> u32 {
        self.slots
    }

    /// Size of all records so far, bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// For each refusal, which of the request's outcomes is its own, and what was wrong in words.
    pub fn take_details(&mut self) -> Vec<(u32, String)> {
        std::mem::take(&mut self.details)
    }

    /// The event time of each delivery, ms; `None` for a refusal.
    pub fn take_times_ms(&mut self) -> Vec<Option<i64>> {
        std::mem::take(&mut self.times_ms)
    }

    /// The parts, one for each shard that has any, in ascending order.
    pub fn into_parts(self) -> Vec<Routed> {
        self.parts.into_values().collect()
    }
}
