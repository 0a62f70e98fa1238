//! What sources delivered, and what became of it.

use homeroom_core::shard::Sequence;
use homeroom_proto::v1::Finding;

use super::{
    facts::{Facts, SourceFacts},
    finding::{argument, fault, note, ok, percent, warning},
};

/// Above this share of refused deliveries something is wrong with a source, not with an event.
const DEAD_LETTER_SHARE_MAX: f64 = 0.01;
/// Above this share of deliveries with another's id a source does not know what an id is.
const CONFLICT_SHARE_MAX: f64 = 0.001;

/// Every delivery has exactly one outcome.
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

/// No number that a source gave to an event is missing.
pub(super) fn producer_gaps(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "producer-gaps";
    let mut numbering = 0;
    let wrong = each(facts, |source, facts| {
        let sequence = facts.sequence?;
        numbering += 1;
        let missing = sequence.missing();
        (missing > 0).then(|| gap(CHECK, source, sequence))
    });
    or_ok(wrong, || match numbering {
        0 => ok(CHECK, "no source numbers its events"),
        count => ok(
            CHECK,
            format!("{count} sources number their events, and no number is missing"),
        ),
    })
}

fn gap(check: &str, source: &str, sequence: Sequence) -> Finding {
    let words = format!(
        "of the events numbered {} to {}, {} did not arrive or were refused",
        sequence.first,
        sequence.last,
        sequence.missing()
    );
    let name = argument(source);
    let advice = format!(
        "unless they are still under way: have {name} send that time again (what is here already is counted as duplicate, the rest \
         fills the gap), and look for losses between {name} and the node"
    );
    warning(check, source, words, advice)
}

/// Few deliveries are refused.
pub(super) fn dead_letters(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "dead-letters";
    let of_all: u64 = (facts.sources.values())
        .map(|source| source.counters.received)
        .sum();
    let found = each(facts, |source, facts| {
        let kept: u64 = facts.letters.values().sum();
        if kept == 0 {
            return None;
        }
        let refused = facts.counters.dead_letters().max(kept);
        // A listener has what names no source: hardly anything but refusals.
        let of = if source.starts_with("listener:") {
            of_all
        } else {
            facts.counters.received
        };
        let share = refused as f64 / of.max(1) as f64;
        let words = format!(
            "{refused} of {of} deliveries were refused ({}); kept of them: {}",
            percent(share),
            reasons(facts)
        );
        if share <= DEAD_LETTER_SHARE_MAX {
            return Some(note(CHECK, source, words));
        }
        let name = argument(source);
        let advice = format!(
            "see what is wrong with them: `homeroom dead-letters list --source {name}`; once the cause is mended, \
             `homeroom dead-letters redrive --source {name}` delivers them again, and `homeroom dead-letters discard --source {name}` \
             drops what nobody needs"
        );
        Some(warning(CHECK, source, words, advice))
    });
    or_ok(found, || ok(CHECK, "none are kept"))
}

/// The most frequent one first.
fn reasons(facts: &SourceFacts) -> String {
    let mut counts: Vec<_> = facts.letters.iter().collect();
    counts.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), **reason));
    let words = counts
        .iter()
        .map(|(reason, count)| format!("{count} {}", reason.name()));
    words.collect::<Vec<_>>().join(", ")
}

/// An id means one event.
pub(super) fn conflicts(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "conflicts";
    let found = each(facts, |source, facts| {
        let counters = &facts.counters;
        if counters.conflicting == 0 {
            return None;
        }
        let share = counters.conflicting as f64 / counters.received.max(1) as f64;
        let words = format!(
            "{} of {} deliveries had the id of an earlier event and other content; the first one counts",
            counters.conflicting, counters.received
        );
        if share <= CONFLICT_SHARE_MAX {
            return Some(note(CHECK, source, words));
        }
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

fn each(
    facts: &Facts,
    mut judge: impl FnMut(&str, &SourceFacts) -> Option<Finding>,
) -> Vec<Finding> {
    let judged = facts.sources.iter();
    judged
        .filter_map(|(source, facts)| judge(source, facts))
        .collect()
}

fn or_ok(findings: Vec<Finding>, ok: impl FnOnce() -> Finding) -> Vec<Finding> {
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

    use super::super::sample;
    use super::*;

    fn with(change: impl FnOnce(&mut SourceFacts)) -> Facts {
        let mut facts = sample::healthy();
        change(facts.sources.get_mut("lms").expect("a source"));
        facts
    }

    #[track_caller]
    fn only(mut findings: Vec<Finding>, severity: Severity) -> Finding {
        assert_eq!(findings.len(), 1, "{findings:?}");
        let finding = findings.remove(0);
        assert_eq!(finding.severity(), severity, "{finding:?}");
        assert_eq!(finding.advice.is_empty(), severity <= Severity::Note);
        finding
    }

    #[test]
    fn a_delivery_without_an_outcome_is_a_fault() {
        let facts = with(|lms| lms.counters.received += 1);
        let finding = only(conservation(&facts), Severity::Fault);
        assert_eq!(finding.subject, "lms");
        assert!(finding.words.starts_with("1001 deliveries"), "{finding:?}");
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
        let words = "of the events numbered 5 to 9, 2 did not arrive or were refused";
        assert_eq!((&*finding.subject, &*finding.words), ("lms", words));
    }

    #[test]
    fn few_dead_letters_are_worth_a_note_and_many_a_warning() {
        let refused = |count: u64, kept: u64| {
            with(|lms| {
                lms.counters.accepted -= count;
                lms.counters
                    .dead_lettered
                    .insert(Reason::BadTimestamp, count);
                lms.letters.insert(Reason::Late, 1);
                lms.letters.insert(Reason::BadTimestamp, kept - 1);
            })
        };
        only(dead_letters(&refused(10, 10)), Severity::Note);
        // What had to go for newer ones counts too.
        let finding = only(dead_letters(&refused(30, 9)), Severity::Warning);
        assert!(
            finding
                .words
                .ends_with("kept of them: 8 bad_timestamp, 1 late"),
            "{finding:?}"
        );
        assert!(
            finding
                .advice
                .contains("homeroom dead-letters list --source lms")
        );
    }

    #[test]
    fn what_names_no_source_is_a_share_of_everything() {
        let mut facts = with(|_| {});
        let mut listener = SourceFacts::default();
        listener.counters.received = 4;
        listener.counters.dead_lettered.insert(Reason::Malformed, 4);
        listener.letters.insert(Reason::Malformed, 4);
        facts.sources.insert("listener:http".to_owned(), listener);
        only(dead_letters(&facts), Severity::Note);
    }

    #[test]
    fn letters_that_were_redriven_or_discarded_are_over() {
        let facts = with(|lms| {
            lms.counters.accepted -= 500;
            lms.counters.dead_lettered.insert(Reason::BadTimestamp, 500);
        });
        only(dead_letters(&facts), Severity::Ok);
    }

    #[test]
    fn conflicts_are_judged_by_their_share() {
        only(
            conflicts(&with(|lms| lms.counters.conflicting = 1)),
            Severity::Note,
        );
        let finding = only(
            conflicts(&with(|lms| lms.counters.conflicting = 2)),
            Severity::Warning,
        );
        assert!(finding.advice.contains("lms"), "{finding:?}");
    }
}
