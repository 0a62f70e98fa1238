//! Converts the freshness of an answer into a message of the contract.

use std::time::Duration;

use homeroom_proto::v1;

use super::{
    answer_size::{FRESHNESS_BYTES_MAX, size_within},
    leaders::ShardLeader,
};
use crate::shard::{Read, View};

/// The freshness of a read of a shard.
pub fn of_read<T>(leader: ShardLeader, read: &Read<T>) -> v1::Freshness {
    of_view(&read.view, leader, read.staleness, read.bound_met)
}

/// The freshness of an answer from a view of one shard.
pub fn of_view(
    view: &View,
    leader: ShardLeader,
    staleness: Duration,
    bound_met: bool,
) -> v1::Freshness {
    within(view, leader, staleness, bound_met, FRESHNESS_BYTES_MAX)
}

/// The same, of at most `bytes_max` bytes of sources: an answer may have many shards.
pub fn within(
    view: &View,
    leader: ShardLeader,
    staleness: Duration,
    bound_met: bool,
    bytes_max: usize,
) -> v1::Freshness {
    let mut bytes = 0;
    let sources = view
        .freshness
        .sources
        .iter()
        .map(|source| v1::SourceFreshness {
            source: source.source.to_string(),
            newest_event_ms: source.newest_event_ms,
            idle: source.idle,
            lagging: source.lagging,
        });
    let sources = sources.take_while(|source| {
        bytes += size_within(source);
        bytes <= bytes_max
    });
    let sources: Vec<v1::SourceFreshness> = sources.collect();
    v1::Freshness {
        shard: leader.shard.into(),
        watermark_ms: view.freshness.watermark_ms,
        sources,
        applied_index: view.applied_index,
        term: leader.term,
        leader: leader.leads,
        leader_replica: leader.replica,
        leader_node_id: leader.node_id,
        staleness_ms: u64::try_from(staleness.as_millis()).unwrap_or(u64::MAX),
        bound_met,
    }
}
