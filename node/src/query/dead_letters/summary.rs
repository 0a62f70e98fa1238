//! Counts dead letters by source and reason, and sums the counters of the sources.

use std::collections::BTreeMap;

use homeroom_core::{
    Reason,
    shard::{Counters, DeadLetterGroup, OTHER_SOURCES, Sequence, ShardState},
};
use homeroom_proto::v1;

use super::filter::Filter;
use crate::ingress::to_reason;

/// The most groups, and the most sources. Senders choose their names; what is beyond is summed
/// as that of other sources.
const GROUPS_MAX: usize = 1_000;
/// Letters examined at once. The shard applies no entries meanwhile.
const LOOKED_AT_MAX: usize = 4_096;

type Sources = BTreeMap<Box<str>, (Counters, Option<Sequence>)>;

/// Sums over all shards.
#[derive(Default)]
pub struct Summary {
    groups: BTreeMap<(Box<str>, Reason), DeadLetterGroup>,
    sources: Sources,
}

impl Summary {
    /// Adds the next letters of a shard, from a number on. Returns where to go on; `None` after
    /// the last.
    pub fn add_letters(&mut self, state: &ShardState, filter: &Filter, from: u64) -> Option<u64> {
        let letters = state.dead_letters().iter_from(from);
        for (looked_at, (number, letter)) in letters.enumerate() {
            if looked_at == LOOKED_AT_MAX {
                return Some(number);
            }
            if filter.keeps(letter) {
                self.group(&letter.source, letter.reason).add(letter);
            }
        }
        None
    }

    /// Adds the counts of a shard.
    pub fn add(&mut self, state: &ShardState, filter: &Filter) {
        for ((source, reason), expired) in state.dead_letters().expired() {
            if filter.keeps_group(source, reason) {
                self.group(source, reason).expired += expired;
            }
        }
        for (source, counters) in state.counters() {
            if filter
                .source
                .as_deref()
                .is_none_or(|wanted| wanted == source)
            {
                let (sum, _) = self.sources.entry(source.into()).or_default();
                sum.merge(counters);
            }
        }
        for (source, sequence) in state.sequences() {
            if let Some((_, known)) = self.sources.get_mut(source) {
                *known = Some(known.map_or(sequence, |known| known.merged(sequence)));
            }
        }
    }

    fn group(&mut self, source: &str, reason: Reason) -> &mut DeadLetterGroup {
        let mut key = (Box::from(source), reason);
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            key.0 = OTHER_SOURCES.into();
        }
        self.groups.entry(key).or_default()
    }

    pub fn into_response(self) -> v1::SummarizeResponse {
        let groups = self
            .groups
            .into_iter()
            .map(|((source, reason), group)| v1::DeadLetterGroup {
                source: source.into(),
                reason: to_reason(reason).into(),
                kept: group.kept,
                kept_bytes: group.kept_bytes,
                expired: group.expired,
                oldest_ms: group.oldest_ms.unwrap_or_default(),
                newest_ms: group.newest_ms.unwrap_or_default(),
            });
        let sources =
            shown_sources(self.sources)
                .into_iter()
                .map(|(source, (counters, sequence))| v1::SourceCounters {
                    source: source.into(),
                    received: counters.received,
                    accepted: counters.accepted,
                    duplicate: counters.duplicate,
                    conflicting: counters.conflicting,
                    shadowed: counters.shadowed,
                    dead_lettered: counters.dead_letters(),
                    amended: counters.amended,
                    sequence_gap: sequence.map_or(0, Sequence::missing),
                });
        v1::SummarizeResponse {
            groups: groups.collect(),
            sources: sources.collect(),
        }
    }
}

/// Those with the most accepted events, then with the most deliveries; the rest as other sources.
fn shown_sources(mut all: Sources) -> Sources {
    if all.len() <= GROUPS_MAX {
        return all;
    }
    let mut order: Vec<(u64, u64, Box<str>)> = all
        .iter()
        .filter(|(name, _)| &***name != OTHER_SOURCES)
        .map(|(name, (counters, _))| (counters.accepted, counters.received, name.clone()))
        .collect();
    order.sort_by(|one, other| other.cmp(one));
    for (_, _, name) in order.into_iter().skip(GROUPS_MAX) {
        if let Some((counters, _)) = all.remove(&name) {
            let (others, _) = all.entry(OTHER_SOURCES.into()).or_default();
            others.merge(&counters);
        }
    }
    all
}
