//! What was proposed, applied and acknowledged in all groups.

use std::collections::BTreeMap;

use bytes::Bytes;
use homeroom_core::entry::{encode_batch, encode_tick};
use homeroom_node::store::GroupId;
use homeroom_tests::oracle::NaiveEvent;
use homeroom_tests::rig::{Delivery, core_event};
use parking_lot::Mutex;

use crate::sim::Sim;

/// How far log time may be ahead of the right wall clock, ms: the errors of the good clocks.
const AHEAD_MAX_MS: i64 = 200;

/// An acknowledgement as a client received it.
#[derive(Clone, Debug)]
pub struct Ack {
    pub group: GroupId,
    pub payload: Bytes,
    /// Index, term, leader and outcomes; `None` from a leader that did not wait for them.
    pub place: Option<(u64, u64, u64, String)>,
}

/// An entry after it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedEntry {
    pub payload: Bytes,
    pub outcomes: String,
    /// Of the shard after the entry.
    pub digest: u64,
    pub log_time_ms: i64,
    pub watermark_ms: Option<i64>,
}

/// How often an entry was proposed, and how often its proposer heard that nothing was written.
#[derive(Clone, Debug, Default)]
pub struct Proposed {
    pub log_time_ms: i64,
    pub events: Vec<NaiveEvent>,
    pub times: u32,
    pub not_written: u32,
}

/// Everything that was observed.
#[derive(Default)]
pub struct History(Mutex<State>);

#[derive(Default)]
struct State {
    proposed: BTreeMap<(GroupId, Bytes), Proposed>,
    applied: BTreeMap<(GroupId, u64), AppliedEntry>,
    acks: Vec<Ack>,
    /// Simulated time at which the newest acknowledged entry was proposed, ms.
    writable_ms: BTreeMap<GroupId, i64>,
}

impl History {
    /// A leader proposes these events at a log time. Returns the entry; a tick without events.
    pub fn propose(&self, group: GroupId, log_time_ms: i64, events: &[NaiveEvent]) -> Bytes {
        let payload = Bytes::from(encode(log_time_ms, events));
        let mut state = self.0.lock();
        let proposed = state.proposed.entry((group, payload.clone())).or_default();
        proposed.log_time_ms = log_time_ms;
        proposed.events = events.to_vec();
        proposed.times += 1;
        payload
    }

    /// The proposer of an entry heard that nothing was written.
    pub fn not_written(&self, group: GroupId, payload: &Bytes) {
        let mut state = self.0.lock();
        let key = (group, payload.clone());
        if let Some(proposed) = state.proposed.get_mut(&key) {
            proposed.not_written += 1;
        }
    }

    /// An entry was acknowledged; it was proposed at a simulated time, ms.
    pub fn acked(&self, sim: &Sim, ack: Ack, proposed_ms: i64) {
        sim.trace(format_args!("ack {} {:?}", ack.group, ack.place));
        let mut state = self.0.lock();
        let writable_ms = state.writable_ms.entry(ack.group).or_default();
        *writable_ms = proposed_ms.max(*writable_ms);
        state.acks.push(ack);
    }

    /// When the newest acknowledged proposal of a group was made, ms of simulated time.
    pub fn writable_ms(&self, group: GroupId) -> Option<i64> {
        self.0.lock().writable_ms.get(&group).copied()
    }

    /// A replica applied an entry: the same on all replicas, and time does not go back.
    pub fn applied(
        &self,
        sim: &Sim,
        (node, group, index): (usize, GroupId, u64),
        entry: AppliedEntry,
    ) {
        let AppliedEntry { digest, .. } = entry;
        sim.trace(format_args!("{node} {group} applied {index} {digest:x}"));
        let mut state = self.0.lock();
        if let Some(known) = state.applied.get(&(group, index)) {
            if *known != entry {
                let words = format_args!(
                    "group {group} differs first at entry {index}, on node {node}: {known:?} and {entry:?}"
                );
                sim.violated("replicas agree", words);
            }
            return;
        }
        let before = state.applied.range(..(group, index)).next_back();
        if let Some((_, before)) = before.filter(|((of, _), _)| *of == group)
            && (before.watermark_ms > entry.watermark_ms || before.log_time_ms > entry.log_time_ms)
        {
            let words = format_args!("group {group}, entry {index}: {before:?}, then {entry:?}");
            sim.violated("time does not go back", words);
        }
        let ahead_ms = entry.log_time_ms - sim.wall_ms();
        if ahead_ms > AHEAD_MAX_MS {
            let words = format_args!("group {group}, entry {index}: {ahead_ms} ms ahead");
            sim.violated("log time does not outrun time", words);
        }
        state.applied.insert((group, index), entry);
    }

    /// A replica begins again from a stored state at an index.
    pub fn restored(&self, sim: &Sim, (node, group, index): (usize, GroupId, u64), digest: u64) {
        let state = self.0.lock();
        // A blank entry or a membership leaves the shard as it was.
        let newest = state.applied.range((group, 0)..=(group, index)).next_back();
        if let Some((_, known)) = newest
            && known.digest != digest
        {
            let words = format_args!("group {group}: node {node} begins otherwise at {index}");
            sim.violated("replicas agree", words);
        }
    }

    /// The same entry with one event less; `None` when it has none.
    pub fn without_last_event(&self, group: GroupId, payload: &Bytes) -> Option<Vec<u8>> {
        let state = self.0.lock();
        let proposed = state.proposed.get(&(group, payload.clone()))?;
        let (_, shorter) = proposed.events.split_last()?;
        Some(encode(proposed.log_time_ms, shorter))
    }

    /// All acknowledgements.
    pub fn acks(&self) -> Vec<Ack> {
        self.0.lock().acks.clone()
    }

    /// The entries of a group that were applied, in order.
    pub fn entries(&self, group: GroupId) -> Vec<(u64, AppliedEntry)> {
        let state = self.0.lock();
        let entries = state.applied.range((group, 0)..=(group, u64::MAX));
        entries
            .map(|((_, index), entry)| (*index, entry.clone()))
            .collect()
    }

    /// One entry that was applied.
    pub fn entry(&self, group: GroupId, index: u64) -> Option<AppliedEntry> {
        self.0.lock().applied.get(&(group, index)).cloned()
    }

    /// What was proposed as this entry.
    pub fn proposed(&self, group: GroupId, payload: &Bytes) -> Option<Proposed> {
        let state = self.0.lock();
        state.proposed.get(&(group, payload.clone())).cloned()
    }
}

fn encode(log_time_ms: i64, events: &[NaiveEvent]) -> Vec<u8> {
    if events.is_empty() {
        return encode_tick(log_time_ms);
    }
    let deliveries = events
        .iter()
        .map(|event| Delivery::Event(core_event(event)));
    let piece = Delivery::piece(&deliveries.collect::<Vec<_>>());
    encode_batch(log_time_ms, [piece].iter())
}
