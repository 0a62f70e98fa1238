//! Checks what sources delivered, and its outcomes.

use homeroom_core::shard::Sequence;
use homeroom_proto::v1::Finding;

use super::{
    facts::{Facts, SourceFacts, share},
    finding::{argument, fault, note, ok, time, warning},
};
use crate::observe::Deliveries;

/// A source with a larger share of conflicting ids in the last minutes reuses its ids.
const CONFLICT_SHARE_MAX: f64 = 0.001;

/// Checks that every delivery has exactly one outcome.
pub(super) fn conservation(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "conservation";
    let mut received = 0;
    let wrong = each(facts, |source, facts| {
        let counters = &facts.counters;
        received += counters.received;
        if counters.is_conserved() {
            return None;
        }
        let words = format!(
            "{} deliveries, but {} accepted, {} duplicate, {} shadowed and {} dead-lettered don't add up to them",
            counters.received,
            counters.accepted,
            counters.duplicate,
            counters.shadowed,
            counters.dead_letters()
        );
        let advice = "a fault of the node: keep its data folder and report this, with what `homeroom --json doctor` and \
                      `homeroom --json dead-letters summary` print";
        Some(fault(CHECK, source, words, advice))
    });
    or_ok(wrong, || {
        let sources = facts.sources.len();
        let words =
            format!("{received} deliveries of {sources} sources, each with exactly one outcome");
        ok(CHECK, words)
    })
}

/// Checks that no sequence number of a source is missing.
pub(super) fn producer_gaps(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "producer-gaps";
    let mut numbering = 0;
    let wrong = each(facts, |source, facts| {
        let sequence = facts.sequence?;
        numbering += 1;
        let missing = sequence.missing();
        (missing > 0).then(|| gap(CHECK, source, sequence, facts))
    });
    or_ok(wrong, || match numbering {
        0 => ok(CHECK, "no source numbers its events"),
        count => ok(
            CHECK,
            format!("{count} sources number their events, and no number is missing"),
        ),
    })
}

fn gap(check: &str, source: &str, sequence: Sequence, facts: &SourceFacts) -> Finding {
    let kept = facts.letters_kept();
    // A refusal has no number, so it may or may not be one of the missing events.
    let words = format!(
        "of the events numbered {} to {}, {} are missing: lost on the way, or refused ({} of this source's are kept as dead letters)",
        sequence.first,
        sequence.last,
        sequence.missing(),
        kept
    );
    let name = argument(source);
    let look = match kept {
        0 => String::new(),
        _ => format!(
            "look at its dead letters first (`homeroom dead-letters list --source {name}`): those that pass again fill the gap; \
             else, "
        ),
    };
    let advice = format!(
        "{look}unless they are still under way: have {name} send that time again (what is here already is counted as duplicate, the \
         rest fills the gap), and look for losses between {name} and the node"
    );
    warning(check, source, words, advice)
}

/// Checks that each id stands for one event.
pub(super) fn conflicts(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "conflicts";
    let found = each(facts, |source, facts| {
        let counters = &facts.counters;
        if counters.conflicting == 0 {
            return None;
        }
        let words = format!(
            "{} of {} deliveries had the id of an earlier event and other content; the first one counts",
            counters.conflicting, counters.received
        );
        let is_recent =
            |recent: &Deliveries| share(recent.conflicting, recent.received) > CONFLICT_SHARE_MAX;
        let Some((recent, over)) = facts.recent(is_recent) else {
            return Some(note(CHECK, source, words));
        };
        let words = format!(
            "{words}; within the last {}, {} of {} had",
            time(over),
            recent.conflicting,
            recent.received
        );
        let advice = format!(
            "have {} give every event an eventId of its own, the same at each retry; a score is corrected by a `score_updated` with \
             the same attemptId",
            argument(source)
        );
        Some(warning(CHECK, source, words, advice))
    });
    or_ok(found, || {
        ok(CHECK, "no id came twice with different content")
    })
}

pub(super) fn each(
    facts: &Facts,
    mut judge: impl FnMut(&str, &SourceFacts) -> Option<Finding>,
) -> Vec<Finding> {
    let judged = facts.sources.iter();
    judged
        .filter_map(|(source, facts)| judge(source, facts))
        .collect()
}

pub(super) fn or_ok(findings: Vec<Finding>, ok: impl FnOnce() -> Finding) -> Vec<Finding> {
    if findings.is_empty() {
        vec![ok()]
    } else {
        findings
    }
}

#[cfg(test)]
mod tests {
    use homeroom_core::Reason;
    use homeroom_proto::v1::Severity;

    use super::super::sample::{only, with};
    use super::*;

    #[test]
    fn a_delivery_without_an_outcome_is_a_fault() {
        let facts = with(|lms| lms.counters.received += 1);
        let finding = only(conservation(&facts), Severity::Fault);
        assert_eq!(finding.subject, "lms");
        assert!(finding.words.starts_with("2001 deliveries"), "{finding:?}");
    }

    #[test]
    fn a_gap_is_named_with_its_range() {
        let facts = with(|lms| {
            lms.sequence = Some(Sequence {
                first: 5,
                last: 9,
                seen: 3,
            });
        });
        let finding = only(producer_gaps(&facts), Severity::Warning);
        let words = "of the events numbered 5 to 9, 2 are missing: lost on the way, or refused (0 of this source's are kept as dead letters)";
        assert_eq!((&*finding.subject, &*finding.words), ("lms", words));
        assert!(!finding.advice.contains("dead-letters"), "{finding:?}");
        let mut facts = facts;
        let lms = facts.sources.get_mut("lms").expect("a source");
        lms.letters.insert(Reason::BadTimestamp, 3);
        let finding = only(producer_gaps(&facts), Severity::Warning);
        assert!(finding.words.contains("(3 of this source's"), "{finding:?}");
        assert!(
            finding
                .advice
                .contains("homeroom dead-letters list --source lms"),
            "{finding:?}"
        );
    }

    #[test]
    fn conflicts_are_judged_by_their_recent_share() {
        let conflicting = |recent: u64| {
            with(|lms| {
                lms.counters.conflicting = 100;
                lms.recent[1].deliveries.conflicting = recent;
            })
        };
        only(conflicts(&conflicting(0)), Severity::Note);
        only(conflicts(&conflicting(1)), Severity::Note);
        let finding = only(conflicts(&conflicting(2)), Severity::Warning);
        let words = "100 of 2000 deliveries had the id of an earlier event and other content; the first one counts; within the \
                     last 10m, 2 of 1000 had";
        assert_eq!(finding.words, words);
        assert!(finding.advice.contains("lms"), "{finding:?}");
    }
}
