//! Checks the disk: the log, its syncs, checkpoints, free space.

use std::{sync::Arc, time::Duration};

use homeroom_proto::v1::Finding;

use super::{
    facts::{Facts, ShardFacts},
    finding::{bytes, fault, ok, percent, time, warning},
};
use crate::observe::DurationSummary;

/// With fewer durations, the p99 is only the slowest one.
const TIMES_MIN: usize = 100;
/// Maximum p99 of a write until it is durable. It is the objective of the insight latency, of which
/// the log is a part.
const APPEND_P99_MAX: Duration = Duration::from_millis(100);
/// Maximum p99 of a sync: half the objective of the insight latency.
const FSYNC_P99_MAX: Duration = Duration::from_millis(50);
/// A disk with a longer sync stalls at times, however fast it usually is.
const FSYNC_LONGEST_MAX: Duration = Duration::from_secs(5);
/// Above this share, the log's queue is about to delay all shards.
const LOG_QUEUE_SHARE_MAX: f64 = 0.8;
/// Maximum age of a checkpoint, on top of three checkpoint intervals.
const CHECKPOINT_AGE_MAX: Duration = Duration::from_secs(60);
/// Below this share of the file system, the log and the bases have little room to grow.
const DISK_SHARE_MIN: f64 = 0.1;
/// With less free space, bytes, the next bases may not fit; the log is kept until they are written.
const DISK_FREE_LOW: u64 = 2 << 30;
/// With more free space, bytes, a small share is no problem: it lasts for hours of full load.
const DISK_FREE_PLENTY: u64 = 16 << 30;
/// With less free space, bytes, the next segments of the log fill the disk, and the node stops.
const DISK_FREE_NONE: u64 = 256 << 20;

/// Checks that writes become durable in time.
pub(super) fn log(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "log";
    let queue = facts.resources.log_queue;
    let words = format!(
        "writes wait for the disk {}; {} of {} wait now",
        summary(facts.appends),
        bytes(queue.used_bytes),
        bytes(queue.max_bytes)
    );
    let is_slow = facts.appends.count >= TIMES_MIN && facts.appends.p99 > APPEND_P99_MAX;
    if is_slow || queue.share() > LOG_QUEUE_SHARE_MAX {
        let advice = "if fsync is slow as well, the disk is the cause; else the node has too little processor time, or too much is \
                      written: see queues, and spread the load over more nodes or a quicker disk";
        return vec![warning(CHECK, "", words, advice)];
    }
    vec![ok(CHECK, words)]
}

/// Checks that syncs are fast.
pub(super) fn fsync(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "fsync";
    let words = format!("the disk makes writes durable {}", summary(facts.fsyncs));
    let is_slow = facts.fsyncs.count >= TIMES_MIN && facts.fsyncs.p99 > FSYNC_P99_MAX;
    if is_slow || facts.fsyncs.longest > FSYNC_LONGEST_MAX {
        let advice = "every acknowledgement waits for it: look who else uses this disk (`iostat -x 1`), or put the data folder on a \
                      quicker one; SSDs with power-loss protection answer within 1 ms";
        return vec![warning(CHECK, "", words, advice)];
    }
    vec![ok(CHECK, words)]
}

fn summary(times: DurationSummary) -> String {
    match times.count {
        0 => "(nothing of late)".to_owned(),
        count if count < TIMES_MIN => format!(
            "at most {} (the last {count}, within 5 min)",
            time(times.longest)
        ),
        count => format!(
            "{} at p99, at most {} (the last {count}, within 5 min)",
            time(times.p99),
            time(times.longest)
        ),
    }
}

/// Checks that applied entries get into checkpoints and bases.
pub(super) fn checkpoints(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "checkpoints";
    let mut findings: Vec<Finding> = facts.sealed.iter().map(sealed).collect();
    let interval = facts.resources.checkpoint_interval;
    let behind: u64 = facts.shards.iter().map(entries_behind).sum();
    if let Some((group, age)) = &facts.oldest_checkpoint
        && *age > CHECKPOINT_AGE_MAX + 3 * interval
    {
        let words = format!(
            "has waited {} for a checkpoint, which is due every {}; {behind} entries of all shards are in none",
            time(*age),
            time(interval)
        );
        let advice = "nothing is lost, but the log grows and the next start takes longer: look at fsync and disk, and at the node's log; \
                      `homeroom cluster checkpoint` asks for one now";
        findings.push(warning(CHECK, group, words, advice));
    }
    if facts.base_failures > 0 {
        let words = format!(
            "{} bases could not be written since the node started; the log is kept meanwhile, and grows",
            facts.base_failures
        );
        let advice =
            "the node's log says why (`a base was not cut`): most often there is no room, see disk";
        findings.push(warning(CHECK, "", words, advice));
    }
    if facts.resources.bases_rejected > 0 {
        let words = format!(
            "{} bases were damaged on disk; nothing is lost, they are written anew",
            facts.resources.bases_rejected
        );
        let advice = "look at the disk: it changes what was written; the node's log names the files (`was put aside`)";
        findings.push(warning(CHECK, "", words, advice));
    }
    if findings.is_empty() {
        let age = facts.oldest_checkpoint.as_ref().map(|(_, age)| *age);
        let words = format!(
            "everything was saved at most {} ago, which is due every {}; {behind} entries are in no checkpoint yet",
            time(age.unwrap_or_default()),
            time(interval)
        );
        findings.push(ok(CHECK, words));
    }
    findings
}

fn sealed((group, why): &(String, Arc<str>)) -> Finding {
    let words = format!("takes no more events, and goes on answering reads: {why}");
    let advice = "nothing acknowledged is lost; start the node with a higher `checkpoint.commit_bytes_max` if the commit was too large, \
                  and report it in any case: no input should bring this about";
    fault("checkpoints", group, words, advice)
}

fn entries_behind(shard: &ShardFacts) -> u64 {
    let saved = shard.checkpoint_index.unwrap_or_default();
    shard.applied_index.saturating_sub(saved)
}

/// Checks the free space of the file system.
pub(super) fn disk(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "disk";
    let disk = match &facts.resources.disk {
        Ok(disk) => *disk,
        Err(why) => {
            let words = format!("the free space can't be read: {why}");
            let advice = "see whether the data folder is still there and may be read";
            return vec![warning(CHECK, "", words, advice)];
        }
    };
    let share = disk.free_bytes as f64 / disk.size_bytes.max(1) as f64;
    let words = format!(
        "{} of {} are free for the data folder ({})",
        bytes(disk.free_bytes),
        bytes(disk.size_bytes),
        percent(share)
    );
    let advice = "make room or give the file system more; a shorter retention (`homeroom settings set retention=…`) drops old \
                  windows; never delete files of the data folder by hand";
    if disk.free_bytes < DISK_FREE_NONE {
        let words = format!("{words}: the node stops when a write finds no room");
        return vec![fault(CHECK, "", words, advice)];
    }
    let is_short = share < DISK_SHARE_MIN && disk.free_bytes < DISK_FREE_PLENTY;
    if disk.free_bytes < DISK_FREE_LOW || is_short {
        return vec![warning(CHECK, "", words, advice)];
    }
    vec![ok(CHECK, words)]
}

#[cfg(test)]
mod tests {
    use homeroom_proto::v1::Severity;

    use super::super::sample;
    use super::*;
    use crate::observe::DiskSpace;

    #[track_caller]
    fn verdict(findings: &[Finding]) -> Severity {
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings[0].severity()
    }

    fn times(count: usize, p99: Duration) -> DurationSummary {
        DurationSummary {
            count,
            p99,
            longest: p99,
        }
    }

    #[test]
    fn slow_writes_are_a_warning_once_there_are_enough_of_them() {
        let slow = APPEND_P99_MAX + Duration::from_millis(1);
        for (times, severity) in [
            (times(TIMES_MIN, APPEND_P99_MAX), Severity::Ok),
            (times(TIMES_MIN - 1, slow), Severity::Ok),
            (times(TIMES_MIN, slow), Severity::Warning),
        ] {
            let mut facts = sample::healthy();
            facts.appends = times;
            assert_eq!(verdict(&log(&facts)), severity, "{times:?}");
        }
    }

    #[test]
    fn a_full_queue_is_a_warning() {
        let mut facts = sample::healthy();
        facts.resources.log_queue.used_bytes = facts.resources.log_queue.max_bytes / 10 * 8;
        assert_eq!(verdict(&log(&facts)), Severity::Ok);
        facts.resources.log_queue.used_bytes = facts.resources.log_queue.max_bytes / 10 * 9;
        assert_eq!(verdict(&log(&facts)), Severity::Warning);
    }

    #[test]
    fn a_slow_disk_and_one_that_hangs_are_warnings() {
        let slow = FSYNC_P99_MAX + Duration::from_millis(1);
        let hangs = FSYNC_LONGEST_MAX + Duration::from_millis(1);
        for (times, severity) in [
            (times(TIMES_MIN, FSYNC_P99_MAX), Severity::Ok),
            (times(TIMES_MIN - 1, slow), Severity::Ok),
            (times(TIMES_MIN, slow), Severity::Warning),
            (times(1, hangs), Severity::Warning),
        ] {
            let mut facts = sample::healthy();
            facts.fsyncs = times;
            assert_eq!(verdict(&fsync(&facts)), severity, "{times:?}");
        }
    }

    #[test]
    fn old_checkpoints_and_failed_or_damaged_bases_are_warnings() {
        let mut facts = sample::healthy();
        let most = CHECKPOINT_AGE_MAX + 3 * facts.resources.checkpoint_interval;
        facts.oldest_checkpoint = Some(("shard 1".to_owned(), most));
        assert_eq!(verdict(&checkpoints(&facts)), Severity::Ok);
        facts.oldest_checkpoint = Some(("shard 1".to_owned(), most + Duration::from_secs(1)));
        let findings = checkpoints(&facts);
        assert_eq!(verdict(&findings), Severity::Warning);
        assert_eq!(findings[0].subject, "shard 1");
        let mut facts = sample::healthy();
        facts.base_failures = 1;
        assert_eq!(verdict(&checkpoints(&facts)), Severity::Warning);
        let mut facts = sample::healthy();
        facts.resources.bases_rejected = 1;
        assert_eq!(verdict(&checkpoints(&facts)), Severity::Warning);
    }

    #[test]
    fn a_shard_that_takes_no_more_events_is_a_fault_of_its_own() {
        let mut facts = sample::healthy();
        let why = "the largest is of learner \"ada\"";
        facts.sealed = vec![("shard 1".to_owned(), why.into())];
        let finding = sample::only(checkpoints(&facts), Severity::Fault);
        assert_eq!(finding.subject, "shard 1");
        assert!(finding.words.ends_with(why), "{}", finding.words);
    }

    #[test]
    fn room_is_judged_by_share_and_by_bytes() {
        let of = |free_bytes, size_bytes| {
            let mut facts = sample::healthy();
            facts.resources.disk = Ok(DiskSpace {
                free_bytes,
                size_bytes,
            });
            verdict(&disk(&facts))
        };
        assert_eq!(of(DISK_FREE_LOW, 20 << 30), Severity::Ok);
        assert_eq!(of(DISK_FREE_LOW, 21 << 30), Severity::Warning);
        assert_eq!(of(DISK_FREE_PLENTY, 1 << 40), Severity::Ok);
        assert_eq!(of(DISK_FREE_LOW - 1, 2 << 30), Severity::Warning);
        assert_eq!(of(DISK_FREE_NONE - 1, 1 << 30), Severity::Fault);
        let mut facts = sample::healthy();
        facts.resources.disk = Err("no such folder".to_owned());
        assert_eq!(verdict(&disk(&facts)), Severity::Warning);
    }
}
