//! The check of the replicas on this node.

use std::sync::Arc;

use homeroom_proto::v1::Finding;

use super::{
    facts::Facts,
    finding::{fault, ok},
};

/// Checks that no replica on this node has ended by itself, and says how many lead.
pub(super) fn replicas(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "replicas";
    if facts.failed.is_empty() {
        let (running, led) = (facts.shards.len() + facts.silent_shards.len(), facts.led);
        let words = format!("the replicas of {running} shards run here, {led} of them lead");
        return vec![ok(CHECK, words)];
    }
    let failure = |(group, why): &(String, Arc<str>)| {
        let words = format!(
            "its replica on this node has ended: {why}; it answers no reads and takes no events, all others go on"
        );
        let advice = "nothing acknowledged is lost: look at the disk and at the node's log, which says what happened, then restart the \
                      node; if it fails again, keep the data folder as it is and report it";
        fault(CHECK, group, words, advice)
    };
    facts.failed.iter().map(failure).collect()
}

#[cfg(test)]
mod tests {
    use homeroom_proto::v1::Severity;

    use super::super::sample;
    use super::*;

    #[test]
    fn each_failed_replica_is_a_fault_with_its_reason() {
        let mut facts = sample::healthy();
        let words = sample::only(replicas(&facts), Severity::Ok).words;
        assert_eq!(words, "the replicas of 2 shards run here, 2 of them lead");
        let why = "its stored state can't be read";
        facts.failed = vec![
            ("shard 1".to_owned(), why.into()),
            ("the control plane".to_owned(), "it stopped".into()),
        ];
        let findings = replicas(&facts);
        let subjects: Vec<&str> = findings.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(subjects, ["shard 1", "the control plane"]);
        assert!(findings.iter().all(|it| it.severity() == Severity::Fault));
        assert!(findings[0].words.contains(why), "{}", findings[0].words);
    }
}
