//! Checks refused deliveries: the recent ones, and the dead letters that are kept.

use homeroom_core::Reason;
use homeroom_proto::v1::Finding;

use super::{
    deliveries::{each, or_ok},
    facts::{Facts, SourceFacts, share},
    finding::{argument, note, ok, percent, time, warning},
};
use crate::observe::Deliveries;

/// A larger share of kept letters points to a faulty source, not to a faulty event.
const KEPT_SHARE_MAX: f64 = 0.01;
/// A larger share of refused deliveries is a current fault of the source. Same bound as the alert
/// rule.
const REFUSED_SHARE_MAX: f64 = 0.05;
/// Fewer recent refusals may come from one bad batch.
const REFUSED_MIN: u64 = 10;

/// Few deliveries are refused.
pub(super) fn dead_letters(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "dead-letters";
    let most = most_refused(facts);
    let found = each(facts, |source, of_source| {
        let kept = of_source.letters_kept();
        if kept == 0 {
            return None;
        }
        let of = received(facts, source, of_source);
        let recent = refused_recently(facts, source, of_source, most == Some(source));
        let mut words = format!(
            "{kept} of {of} deliveries are kept as dead letters ({}): {}",
            percent(share(kept, of)),
            reasons(of_source)
        );
        if let Some(recent) = &recent {
            words.push_str(recent);
        }
        if recent.is_none() && share(kept, of) <= KEPT_SHARE_MAX {
            return Some(note(CHECK, source, words));
        }
        Some(warning(CHECK, source, words, advice(source, of_source)))
    });
    or_ok(found, || ok(CHECK, "none are kept"))
}

/// The number of deliveries to which a source's letters are compared.
fn received(facts: &Facts, source: &str, of_source: &SourceFacts) -> u64 {
    if is_listener(source) {
        let all = facts.sources.values();
        all.map(|source| source.counters.received).sum()
    } else {
        of_source.counters.received
    }
}

/// A listener counts deliveries that name no source, nearly all of which are refused. They are
/// compared to all deliveries of the node.
fn is_listener(source: &str) -> bool {
    source.starts_with("listener:")
}

/// Describes the longest recent interval in which too many deliveries were refused; `None` if there
/// is none.
fn refused_recently(
    facts: &Facts,
    source: &str,
    of_source: &SourceFacts,
    is_most_refused: bool,
) -> Option<String> {
    for (place, interval) in of_source.recent.iter().enumerate().rev() {
        let refused = interval.deliveries.refused;
        let of = match is_listener(source) {
            true => of_all(facts, place).received,
            false => interval.deliveries.received,
        };
        let is_spike = refused >= REFUSED_MIN && share(refused, of) > REFUSED_SHARE_MAX;
        let is_most_of_a_spike = is_most_refused && refused > 0 && is_spiking(facts, place);
        if is_spike || is_most_of_a_spike {
            let over = time(interval.over);
            let percent = percent(share(refused, of));
            return Some(format!(
                "; within the last {over}, {refused} of {of} were refused ({percent})"
            ));
        }
    }
    None
}

/// The source with the most refusals. It is reported if the node as a whole is over the bound, but
/// no source alone.
fn most_refused(facts: &Facts) -> Option<&str> {
    let by_refused = facts.sources.iter().map(|(source, facts)| {
        let kept = facts.letters_kept() > 0;
        (
            kept,
            facts.recent.map(|interval| interval.deliveries.refused),
            source,
        )
    });
    by_refused.max().map(|(_, _, source)| source.as_str())
}

/// Whether the node as a whole is over the bound of the alert rule in an interval.
fn is_spiking(facts: &Facts, place: usize) -> bool {
    let all = of_all(facts, place);
    all.refused >= REFUSED_MIN && share(all.refused, all.received) > REFUSED_SHARE_MAX
}

fn of_all(facts: &Facts, place: usize) -> Deliveries {
    let intervals = facts
        .sources
        .values()
        .filter_map(|source| source.recent.get(place));
    intervals.fold(Deliveries::default(), |sum, interval| Deliveries {
        received: sum.received + interval.deliveries.received,
        refused: sum.refused + interval.deliveries.refused,
        conflicting: sum.conflicting + interval.deliveries.conflicting,
    })
}

/// The reasons with their counts, the most frequent first.
fn reasons(facts: &SourceFacts) -> String {
    let mut counts: Vec<_> = facts.letters.iter().collect();
    counts.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), **reason));
    let words = counts
        .iter()
        .map(|(reason, count)| format!("{count} {}", reason.name()));
    words.collect::<Vec<_>>().join(", ")
}

fn advice(source: &str, facts: &SourceFacts) -> String {
    let name = argument(source);
    let see = format!("see what is wrong with them: `homeroom dead-letters list --source {name}`");
    let mut kept = facts.letters.iter().filter(|(_, count)| **count > 0);
    if kept.all(|(reason, _)| never_passes(*reason)) {
        return format!(
            "{see}; these can never pass, however often they are delivered: mend the source, then \
             `homeroom dead-letters discard --source {name}` drops them"
        );
    }
    let mut advice = format!(
        "{see}; once the cause is mended, `homeroom dead-letters redrive --source {name}` delivers them again, and \
         `homeroom dead-letters discard --source {name}` drops those that are not needed"
    );
    if facts.letters.keys().any(|reason| never_passes(*reason)) {
        advice.push_str("; what is malformed or oversized can never pass: discard it (`--reason`) rather than redrive it");
    }
    advice
}

/// The payload is kept unchanged, so settings can't make it readable or shorter.
fn never_passes(reason: Reason) -> bool {
    matches!(reason, Reason::Malformed | Reason::Oversized)
}

#[cfg(test)]
mod tests {
    use homeroom_proto::v1::Severity;

    use super::super::sample::{only, with};
    use super::*;

    #[test]
    fn few_kept_letters_are_worth_a_note_and_many_a_warning() {
        let kept = |count: u64| {
            with(|lms| {
                lms.letters.insert(Reason::Late, 1);
                lms.letters.insert(Reason::BadTimestamp, count - 1);
            })
        };
        only(dead_letters(&kept(20)), Severity::Note);
        let finding = only(dead_letters(&kept(21)), Severity::Warning);
        let words =
            "21 of 2000 deliveries are kept as dead letters (1.1 %): 20 bad_timestamp, 1 late";
        assert_eq!(finding.words, words);
        let list = "homeroom dead-letters list --source lms";
        assert!(finding.advice.contains(list), "{finding:?}");
        assert!(finding.advice.contains("redrive"), "{finding:?}");
    }

    #[test]
    fn a_long_good_history_does_not_hide_what_is_refused_now() {
        let refused = |count: u64, received: u64| {
            with(|lms| {
                lms.counters.received = 20_000;
                lms.letters.insert(Reason::MissingField, count);
                lms.recent[1].deliveries.received = received;
                lms.recent[1].deliveries.refused = count;
            })
        };
        let finding = only(dead_letters(&refused(80, 80)), Severity::Warning);
        let words = "80 of 20000 deliveries are kept as dead letters (0.4 %): 80 missing_field; within the last 10m, 80 of 80 were \
                     refused (100.0 %)";
        assert_eq!(finding.words, words);
        only(dead_letters(&refused(10, 199)), Severity::Warning);
        only(dead_letters(&refused(10, 200)), Severity::Note);
        only(dead_letters(&refused(9, 9)), Severity::Note);
    }

    #[test]
    fn one_new_letter_does_not_bring_back_what_is_over() {
        let mut facts = with(|lms| {
            lms.counters.accepted -= 500;
            lms.counters.dead_lettered.insert(Reason::BadTimestamp, 500);
        });
        only(dead_letters(&facts), Severity::Ok);
        let lms = facts.sources.get_mut("lms").expect("a source");
        lms.letters.insert(Reason::BadTimestamp, 1);
        only(dead_letters(&facts), Severity::Note);
    }

    #[test]
    fn what_names_no_source_is_a_share_of_everything() {
        let mut facts = with(|_| {});
        let mut listener = SourceFacts::default();
        for deliveries in listener
            .recent
            .each_mut()
            .map(|recent| &mut recent.deliveries)
        {
            (deliveries.received, deliveries.refused) = (20, 20);
        }
        listener.counters.received = 20;
        listener.letters.insert(Reason::Malformed, 20);
        facts.sources.insert("listener:http".to_owned(), listener);
        only(dead_letters(&facts), Severity::Note);
    }

    #[test]
    fn what_can_never_pass_is_to_be_discarded() {
        let mut facts = with(|lms| {
            lms.letters.insert(Reason::Malformed, 30);
            lms.letters.insert(Reason::Oversized, 30);
        });
        let finding = only(dead_letters(&facts), Severity::Warning);
        assert!(
            finding.advice.contains("discard --source lms"),
            "{finding:?}"
        );
        assert!(!finding.advice.contains("redrive"), "{finding:?}");
        let lms = facts.sources.get_mut("lms").expect("a source");
        lms.letters.insert(Reason::Late, 1);
        let finding = only(dead_letters(&facts), Severity::Warning);
        assert!(
            finding.advice.contains("redrive --source lms"),
            "{finding:?}"
        );
        assert!(
            finding.advice.contains("rather than redrive"),
            "{finding:?}"
        );
    }
}
