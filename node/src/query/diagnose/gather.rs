//! Gathers the facts.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::future::join_all;
use homeroom_core::shard::ShardState;
use tokio::time::timeout;

use super::facts::{Facts, ShardFacts, SourceFacts};
use crate::{
    control::ControlPlane,
    observe::{Deliveries, Metrics, ReadResourceUsage, RecentActivity},
    route::Router,
    shard::{ShardReplica, View},
};

/// A shard that does not answer within this time is stuck; the diagnosis does not wait longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What counts as recent: the interval of the alert rules, and a longer one, in which a fault is
/// still visible after the alert has ended.
const RECENT: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(600)];

/// Dead letters examined at once. The shard applies no entries meanwhile.
const LETTERS_AT_ONCE: usize = 4_096;

type BySource = BTreeMap<String, SourceFacts>;

/// Reads all facts once.
pub(super) async fn facts(
    router: &Router,
    control: &ControlPlane,
    metrics: &Metrics,
    resources: &ReadResourceUsage,
) -> Facts {
    // The state of a failed replica is not to be relied on.
    let alive = router.shards().iter();
    let alive = alive.filter(|shard| shard.failed().is_none());
    let looks = alive.map(|shard| async move {
        let look = timeout(ANSWER_WITHIN, look(shard, metrics)).await;
        look.map_err(|_| shard.shard())
    });
    let (mut sources, mut shards, mut silent_shards) = (BySource::new(), Vec::new(), Vec::new());
    for look in join_all(looks).await {
        match look {
            Ok((facts, of_shard)) => {
                shards.push(facts);
                merge(&mut sources, of_shard);
            }
            Err(shard) => silent_shards.push(shard),
        }
    }
    remember(&mut sources, &metrics.recent_activity);
    let shard_count = router.shards().len();
    let name = |id: u16| match usize::from(id) < shard_count {
        true => format!("shard {id}"),
        false => "the control plane".to_owned(),
    };
    let oldest = metrics.checkpoint.saved.oldest();
    let of_shards = router.shards().iter().map(|shard| shard.group());
    let of_shards = of_shards.map(|group| (group.id(), group.sealed(), group.failed()));
    let of_control = control.group();
    let of_control = (of_control.id(), of_control.sealed(), of_control.failed());
    let (mut sealed, mut failed) = (Vec::new(), Vec::new());
    for (id, why_sealed, why_failed) in of_shards.chain([of_control]) {
        sealed.extend(why_sealed.map(|why| (name(id), why)));
        failed.extend(why_failed.map(|why| (name(id), why)));
    }
    Facts {
        sources,
        shards,
        silent_shards,
        settings: control.settings(),
        home_pages: metrics.ingest.home_pages.by_source(),
        resources: resources(),
        appends: metrics.log.recent_appends.summary(),
        fsyncs: metrics.log.recent_fsyncs.summary(),
        oldest_checkpoint: oldest.map(|(id, age)| (name(id), age)),
        failed,
        led: led(router),
        sealed,
        base_failures: metrics.checkpoint.failed(),
        wall_ms: wall_ms(),
    }
}

fn led(router: &Router) -> usize {
    let shards = router.shards().iter();
    shards.filter(|shard| shard.leadership().leads).count()
}

async fn look(shard: &Arc<ShardReplica>, metrics: &Metrics) -> (ShardFacts, BySource) {
    let view = shard.view();
    let mut sources = shard.inspect(counted).await;
    let mut from = Some(0);
    while let Some(number) = from {
        let count = |state: &ShardState| count_letters(&mut sources, state, number);
        from = shard.inspect(count).await;
    }
    for source in &view.freshness.sources {
        let facts = sources.entry(source.source.to_string()).or_default();
        facts.newest_event_ms = source.newest_event_ms;
        facts.speaks = u32::from(!source.idle);
        // An idle source is not waited for, and has nothing newer to send, so it does not count as
        // lagging.
        facts.lags = u32::from(source.lagging && !source.idle);
    }
    let facts = ShardFacts {
        shard: shard.shard(),
        applied_index: view.applied_index,
        checkpoint_index: metrics.checkpoint.saved.index(shard.shard()),
        watermark_ms: view.freshness.watermark_ms,
        lag_ms: view.watermark_lag_ms,
        behind_for: metrics
            .recent_activity
            .behind_for(shard.shard(), Instant::now()),
        slowest: slowest(&view),
        log_now_ms: shard.clock().now_ms(),
        catches_up: shard.clock().is_catching_up(),
        next_due_ms: view.next_due_ms,
    };
    (facts, sources)
}

/// The source with the oldest newest event, of those that the watermark waits for.
fn slowest(view: &View) -> Option<String> {
    let waited_for = view.freshness.sources.iter();
    let waited_for = waited_for.filter(|source| !source.idle && !source.lagging);
    let newest = waited_for.filter_map(|source| Some((source.newest_event_ms?, &source.source)));
    newest.min().map(|(_, source)| source.to_string())
}

fn counted(state: &ShardState) -> BySource {
    let mut sources = BySource::new();
    for (source, counters) in state.counters() {
        sources
            .entry(source.to_owned())
            .or_default()
            .counters
            .clone_from(counters);
    }
    for (source, sequence) in state.sequences() {
        sources.entry(source.to_owned()).or_default().sequence = Some(sequence);
    }
    for source in state.out_of_order_sources() {
        sources.entry(source.to_owned()).or_default().broke_order = true;
    }
    sources
}

/// Counts the next letters of a shard, from a number on. Returns where to go on; `None` after the
/// last.
fn count_letters(sources: &mut BySource, state: &ShardState, from: u64) -> Option<u64> {
    let letters = state.dead_letters().iter_from(from);
    for (looked_at, (number, letter)) in letters.enumerate() {
        if looked_at == LETTERS_AT_ONCE {
            return Some(number);
        }
        // Beyond the maximum number of sources, letters keep their source's name, but counters do
        // not.
        if let Some(facts) = sources.get_mut(&*letter.source) {
            *facts.letters.entry(letter.reason).or_default() += 1;
        }
    }
    None
}

fn merge(all: &mut BySource, of_shard: BySource) {
    for (source, facts) in of_shard {
        let sum = all.entry(source).or_default();
        sum.counters.merge(&facts.counters);
        sum.sequence = match (sum.sequence, facts.sequence) {
            (Some(one), Some(other)) => Some(one.merged(other)),
            (one, other) => one.or(other),
        };
        for (reason, count) in facts.letters {
            *sum.letters.entry(reason).or_default() += count;
        }
        sum.broke_order |= facts.broke_order;
        sum.newest_event_ms = sum.newest_event_ms.max(facts.newest_event_ms);
        sum.speaks += facts.speaks;
        sum.lags += facts.lags;
    }
}

/// Adds the recent deliveries, once the counters of all shards are summed.
fn remember(sources: &mut BySource, activity: &RecentActivity) {
    let now = Instant::now();
    for (source, facts) in sources {
        let until_now = Deliveries::from(&facts.counters);
        facts.recent = RECENT.map(|over| activity.within(over, source, until_now, now));
    }
}

/// Only compared with log time.
fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use homeroom_core::shard::Sequence;

    use super::*;

    #[test]
    fn a_source_is_the_sum_of_what_shards_know_of_it() {
        let of_shard = |received, first, newest, lags| {
            let mut facts = SourceFacts {
                sequence: Some(Sequence {
                    first,
                    last: first + 1,
                    seen: 2,
                }),
                newest_event_ms: newest,
                speaks: 1,
                lags,
                ..SourceFacts::default()
            };
            facts.counters.received = received;
            BySource::from([("lms".to_owned(), facts)])
        };
        let mut all = BySource::new();
        merge(&mut all, of_shard(3, 1, Some(5), 0));
        merge(&mut all, of_shard(4, 4, None, 1));
        let lms = &all["lms"];
        assert_eq!(lms.counters.received, 7);
        assert_eq!(lms.sequence.map(Sequence::missing), Some(1));
        assert_eq!((lms.newest_event_ms, lms.speaks, lms.lags), (Some(5), 2, 1));
    }
}
