//! Counts dead letters by source and reason, and sums the counters of the sources.

use std::collections::BTreeMap;

use homeroom_core::{
    Reason,
    shard::{Counters, DeadLetterGroup, Sequence, ShardState},
};
use homeroom_proto::v1;

use super::filter::Filter;
use crate::ingress::to_reason;

/// Sums over all shards.
#[derive(Default)]
pub struct Summary {
    groups: BTreeMap<(Box<str>, Reason), DeadLetterGroup>,
    sources: BTreeMap<Box<str>, (Counters, Option<Sequence>)>,
}

impl Summary {
    pub fn add(&mut self, state: &ShardState, filter: &Filter) {
        for (_, letter) in state.dead_letters().iter() {
            if filter.keeps(letter) {
                let key = (letter.source.clone(), letter.reason);
                self.groups.entry(key).or_default().add(letter);
            }
        }
        for ((source, reason), expired) in state.dead_letters().expired() {
            if filter.keeps_group(source, reason) {
                self.groups
                    .entry((source.into(), reason))
                    .or_default()
                    .expired += expired;
            }
        }
        for (source, counters) in state.counters() {
            if filter
                .source
                .as_deref()
                .is_none_or(|wanted| wanted == source)
            {
                self.sources
                    .entry(source.into())
                    .or_default()
                    .0
                    .merge(counters);
            }
        }
        for (source, sequence) in state.sequences() {
            if let Some((_, known)) = self.sources.get_mut(source) {
                *known = Some(known.map_or(sequence, |known| known.merged(sequence)));
            }
        }
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
        let sources = self
            .sources
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
