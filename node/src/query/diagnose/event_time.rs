//! Checks the progress of event time, and which source holds it back.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use homeroom_proto::v1::Finding;

use super::{
    facts::{Facts, ShardFacts, SourceFacts},
    finding::{argument, fault, listed, note, ok, shown, time, time_ms, warning},
};
use crate::observe::LAG_MAX_MS;

/// A watermark with a longer lag does not catch up by itself: a source that is silent on a shard is
/// waited for 30 s. Same duration as in the alert rule.
const BEHIND_FOR_MAX: Duration = Duration::from_secs(60);
/// A source further behind over all shards lags, ms; the same bound as on each shard.
const BEHIND_MAX_MS: i64 = 120_000;
/// A tick is later than this only if the shard is stuck, ms.
const TICK_LATE_MAX_MS: i64 = 10_000;
/// Maximum difference of log time and wall clock, ms: half of how far an event may be in the
/// future.
const CLOCK_DIFFERENCE_MAX_MS: u64 = 30_000;
/// What log time gains on real time while it catches up.
const CATCH_UP_PACE: i64 = 9;

/// Checks that every shard's watermark advances.
pub(super) fn watermark(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "watermark";
    let silent = facts.silent_shards.iter().map(|shard| {
        let words = "did not answer within 2 s: it applies nothing, or one entry takes that long";
        let advice = "look at the node's log and at the findings of log, fsync and disk; if they tell nothing, restart the node: \
                      what was acknowledged is kept";
        fault(CHECK, &format!("shard {shard}"), words, advice)
    });
    let mut wrong: Vec<Finding> = silent
        .chain(facts.shards.iter().filter_map(|shard| late(CHECK, shard)))
        .collect();
    wrong.extend(held_back(CHECK, facts));
    if !wrong.is_empty() {
        wrong.sort_by_key(|finding| Reverse(finding.severity));
        return wrong;
    }
    let lags_ms = facts.shards.iter().map(|shard| shard.lag_ms);
    let begun = facts
        .shards
        .iter()
        .filter(|shard| shard.watermark_ms.is_some());
    let words = format!(
        "{} shards, {} with events; the longest lag beside the sources' delays is {}",
        facts.shards.len(),
        begun.count(),
        time_ms(lags_ms.max().unwrap_or_default())
    );
    vec![ok(CHECK, words)]
}

fn late(check: &str, shard: &ShardFacts) -> Option<Finding> {
    if !stands_still(shard) {
        return None;
    }
    let words = format!(
        "log time stands still: an entry that lets it go on was due {} ago",
        time_ms(overdue_ms(shard))
    );
    let advice = "look at the findings of log, fsync and disk, and at the node's log; if they tell nothing, restart the node";
    let subject = format!("shard {}", shard.shard);
    Some(fault(check, &subject, words, advice))
}

fn stands_still(shard: &ShardFacts) -> bool {
    overdue_ms(shard) > TICK_LATE_MAX_MS
}

fn overdue_ms(shard: &ShardFacts) -> i64 {
    let due = shard.log_now_ms.zip(shard.next_due_ms);
    due.map_or(i64::MIN, |(now_ms, due_ms)| now_ms.saturating_sub(due_ms))
}

/// One finding for each source that holds shards back.
fn held_back(check: &str, facts: &Facts) -> Vec<Finding> {
    let mut by_source: BTreeMap<Option<&str>, Vec<&ShardFacts>> = BTreeMap::new();
    let shards = facts.shards.iter();
    for shard in shards.filter(|shard| shard.lag_ms > LAG_MAX_MS && !stands_still(shard)) {
        let held = by_source.entry(shard.slowest.as_deref()).or_default();
        held.push(shard);
    }
    let all = facts.shards.len() + facts.silent_shards.len();
    let findings = by_source.iter();
    findings
        .map(|(source, held)| holds_back(check, *source, held, all))
        .collect()
}

fn holds_back(check: &str, source: Option<&str>, held: &[&ShardFacts], all: usize) -> Finding {
    let lags_ms = held.iter().map(|shard| shard.lag_ms);
    let times = held.iter().filter_map(|shard| shard.behind_for);
    let longest = times.max().unwrap_or_default();
    let words = format!(
        "holds back {} of {all} shards, by {} at most beside what the sources' delays explain, since {}",
        held.len(),
        time_ms(lags_ms.max().unwrap_or_default()),
        time(longest)
    );
    let subject = source.unwrap_or_default();
    if longest < BEHIND_FOR_MAX {
        let words = format!("{words}; it passes if it only speaks seldom there");
        return note(check, subject, words);
    }
    let who = source.map_or_else(|| "the slowest source".to_owned(), shown);
    let advice = format!(
        "look why {who} is behind the others (its clock, its backlog); nothing is lost meanwhile, windows close later"
    );
    warning(check, subject, words, advice)
}

/// Checks that sources send events, keep up, and keep their declared order.
pub(super) fn sources(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "sources";
    let mut findings = Vec::new();
    for (source, of_source) in &facts.sources {
        findings.extend(lagging(CHECK, source, of_source, facts));
        if of_source.broke_order && facts.settings.source_policy(source).ordered {
            findings.push(broke_order(CHECK, source));
        }
    }
    let idle = facts
        .sources
        .iter()
        .filter(|(_, of_source)| of_source.newest_event_ms.is_some() && of_source.speaks == 0);
    let idle: Vec<&str> = idle.map(|(source, _)| source.as_str()).collect();
    if !idle.is_empty() {
        let words = format!(
            "silent for 30 s or more, and not waited for: {}",
            listed(idle.iter().copied())
        );
        findings.push(note(CHECK, "", words));
    }
    if findings.is_empty() {
        let words = match facts.sources.len() {
            0 => "nothing was delivered yet".to_owned(),
            count => format!("{count} sources, none is behind or silent"),
        };
        findings.push(ok(CHECK, words));
    }
    findings.sort_by_key(|finding| Reverse(finding.severity));
    findings
}

fn lagging(check: &str, source: &str, of_source: &SourceFacts, facts: &Facts) -> Option<Finding> {
    if of_source.lags == 0 {
        return None;
    }
    let all = facts.sources.values();
    let foremost_ms = all.filter_map(|source| source.newest_event_ms).max()?;
    let behind_ms = foremost_ms - of_source.newest_event_ms?;
    if behind_ms <= BEHIND_MAX_MS {
        let words = format!(
            "on {} of the {} shards it speaks to its newest event is more than 2 min older than others', over all shards it keeps up: it \
             speaks seldom there",
            of_source.lags, of_source.speaks
        );
        return Some(note(check, source, words));
    }
    let words = format!(
        "more than 2 min behind the foremost source on {} of the {} shards it speaks to (newest events: {} apart); it is not waited \
         for, and its events change windows that were shown as closed",
        of_source.lags,
        of_source.speaks,
        time_ms(behind_ms)
    );
    let advice = format!(
        "look at the backlog and the clock of {}; while it catches up, windows are corrected by revisions",
        argument(source)
    );
    Some(warning(check, source, words, advice))
}

fn broke_order(check: &str, source: &str) -> Finding {
    let words = "declared ordered, and sent an event older than one before it: it is waited for again like any other source";
    let advice = format!(
        "take the promise back with `homeroom settings set sources.{}.ordered=false`, and have it kept before it is given again",
        argument(source)
    );
    warning(check, source, words, advice)
}

/// Checks that there is log time, and that it is the wall-clock time.
pub(super) fn clock(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "clock";
    let untimed = facts
        .shards
        .iter()
        .filter(|shard| shard.log_now_ms.is_none());
    let untimed = untimed.count();
    let mut findings = Vec::new();
    if untimed > 0 {
        let words = format!(
            "{untimed} of {} shards have no log time: neither a leader nor a quorum of the voters was heard",
            facts.shards.len()
        );
        let advice = "they take no events here meanwhile, senders retry; see whether the other nodes are up and reached";
        findings.push(warning(CHECK, "", words, advice));
    }
    let worst = facts
        .shards
        .iter()
        .filter_map(|shard| Some((shard.log_now_ms?.saturating_sub(facts.wall_ms), shard)))
        .max_by_key(|(apart_ms, _)| apart_ms.unsigned_abs());
    findings.extend(worst.map(|(apart_ms, shard)| apart(CHECK, apart_ms, shard.catches_up)));
    if findings.is_empty() {
        findings.push(ok(CHECK, "no shard tells its log time"));
    }
    findings
}

/// The finding for log time that is apart from the wall clock, ms.
fn apart(check: &str, apart_ms: i64, catches_up: bool) -> Finding {
    let apart = time_ms(apart_ms);
    let which = if apart_ms < 0 { "ahead of" } else { "behind" };
    let words = format!("this node's wall clock is {apart} {which} log time");
    if apart_ms.unsigned_abs() < CLOCK_DIFFERENCE_MAX_MS {
        return ok(check, words);
    }
    let advice = "see whether the node's clock is right (`timedatectl`, `chronyc tracking`); events are judged by log time, not by it";
    let words = if apart_ms >= 0 {
        format!("{words}, which is kept: it never goes back")
    } else if catches_up {
        let left = time_ms(apart_ms / CATCH_UP_PACE);
        format!("{words}, which catches up at ten times real time: in {left}")
    } else {
        format!(
            "{words}, which is kept: it follows only once most voters' clocks have been ahead for a minute"
        )
    };
    warning(check, "", words, advice)
}

#[cfg(test)]
mod tests {
    use homeroom_core::SourcePolicy;
    use homeroom_proto::v1::Severity;

    use super::super::sample::{self, only};
    use super::*;

    #[test]
    fn a_lag_is_a_note_until_it_has_lasted_a_minute() {
        let mut facts = sample::healthy();
        facts.shards[1].lag_ms = LAG_MAX_MS;
        facts.shards[1].behind_for = Some(BEHIND_FOR_MAX);
        only(watermark(&facts), Severity::Ok);
        facts.shards[1].lag_ms = 110_000;
        facts.shards[1].behind_for = None;
        only(watermark(&facts), Severity::Note);
        facts.shards[1].behind_for = Some(BEHIND_FOR_MAX - Duration::from_millis(1));
        only(watermark(&facts), Severity::Note);
        facts.shards[1].behind_for = Some(BEHIND_FOR_MAX);
        only(watermark(&facts), Severity::Warning);
    }

    #[test]
    fn a_source_that_holds_back_many_shards_is_named_once() {
        let mut facts = sample::healthy();
        for (shard, (lag_ms, seconds)) in facts.shards.iter_mut().zip([(74_000, 30), (20_000, 120)])
        {
            shard.lag_ms = lag_ms;
            shard.behind_for = Some(Duration::from_secs(seconds));
            shard.slowest = Some("tool".to_owned());
        }
        let finding = only(watermark(&facts), Severity::Warning);
        let words = "holds back 2 of 2 shards, by 1m 14s at most beside what the sources' delays explain, since 2m";
        assert_eq!((&*finding.subject, &*finding.words), ("tool", words));
        assert!(finding.advice.contains("tool"), "{finding:?}");
        // Each source is a finding of its own; the more severe one comes first.
        facts.shards[0].slowest = Some("lms".to_owned());
        let findings = watermark(&facts);
        let found = findings
            .iter()
            .map(|finding| (finding.severity(), &*finding.subject));
        let expected = [(Severity::Warning, "tool"), (Severity::Note, "lms")];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_shard_that_stands_still_is_a_fault() {
        let mut facts = sample::healthy();
        let shard = &mut facts.shards[0];
        shard.next_due_ms = shard.log_now_ms.map(|ms| ms - TICK_LATE_MAX_MS);
        only(watermark(&facts), Severity::Ok);
        let shard = &mut facts.shards[0];
        shard.next_due_ms = shard.log_now_ms.map(|ms| ms - TICK_LATE_MAX_MS - 1);
        only(watermark(&facts), Severity::Fault);
        let mut facts = sample::healthy();
        facts.shards.pop();
        facts.silent_shards.push(1);
        assert_eq!(only(watermark(&facts), Severity::Fault).subject, "shard 1");
    }

    #[test]
    fn silence_is_a_note_and_lagging_a_warning() {
        let mut facts = sample::healthy();
        let tool = facts.sources.get_mut("tool").expect("a source");
        tool.speaks = 0;
        let finding = only(sources(&facts), Severity::Note);
        assert!(finding.words.ends_with("not waited for: tool"));
        let tool = facts.sources.get_mut("tool").expect("a source");
        (tool.speaks, tool.lags) = (2, 1);
        only(sources(&facts), Severity::Note);
        let tool = facts.sources.get_mut("tool").expect("a source");
        tool.newest_event_ms = tool.newest_event_ms.map(|ms| ms - 300_000);
        let finding = only(sources(&facts), Severity::Warning);
        assert_eq!(finding.subject, "tool");
        assert!(finding.words.contains("5m apart"), "{finding:?}");
    }

    #[test]
    fn a_broken_promise_is_a_warning_until_it_is_taken_back() {
        let mut facts = sample::healthy();
        facts.sources.get_mut("lms").expect("a source").broke_order = true;
        only(sources(&facts), Severity::Ok);
        let policy = SourcePolicy {
            ordered: true,
            ..SourcePolicy::default()
        };
        facts.settings.sources.insert("lms".to_owned(), policy);
        let finding = only(sources(&facts), Severity::Warning);
        assert!(finding.advice.contains("sources.lms.ordered=false"));
    }

    /// The only finding when the second shard's log time differs from the wall clock.
    #[track_caller]
    fn with_a_clock_apart(apart_ms: i64, catches_up: bool, severity: Severity) -> String {
        let mut facts = sample::healthy();
        facts.shards[1].log_now_ms = Some(facts.wall_ms.saturating_add(apart_ms));
        facts.shards[1].catches_up = catches_up;
        only(clock(&facts), severity).words
    }

    #[test]
    fn a_clock_may_be_wrong_either_way() {
        let most_ms = i64::try_from(CLOCK_DIFFERENCE_MAX_MS).expect("small");
        with_a_clock_apart(most_ms - 1, false, Severity::Ok);
        with_a_clock_apart(1 - most_ms, false, Severity::Ok);
        for (apart_ms, catches_up, words) in [
            (3_600_000, false, "is 1h behind log time, which is kept"),
            (-3_600_000, false, "is 1h ahead of log time, which is kept"),
            (
                -3_600_000,
                true,
                "catches up at ten times real time: in 6m 40s",
            ),
            (most_ms, false, "is 30s behind log time"),
            (-most_ms, false, "is 30s ahead of log time"),
        ] {
            let found = with_a_clock_apart(apart_ms, catches_up, Severity::Warning);
            assert!(found.contains(words), "{found}");
        }
        with_a_clock_apart(i64::MIN, false, Severity::Warning);
    }

    #[test]
    fn a_shard_without_log_time_is_a_warning() {
        let mut facts = sample::healthy();
        facts.shards[1].log_now_ms = None;
        let findings = clock(&facts);
        let found = findings
            .iter()
            .map(|finding| (finding.severity(), &*finding.words));
        let found: Vec<_> = found.collect();
        assert_eq!((found[0].0, found[1].0), (Severity::Warning, Severity::Ok));
        assert!(found[0].1.starts_with("1 of 2 shards have no log time"));
        only(watermark(&facts), Severity::Ok);
    }
}
