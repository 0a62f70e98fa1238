//! Checks that queues and memory have room.

use homeroom_proto::v1::Finding;

use super::{
    facts::Facts,
    finding::{bytes, fault, ok, percent, warning},
};
use crate::observe::Fill;

/// Above this share, the next burst is refused.
const QUEUE_SHARE_MAX: f64 = 0.8;
/// Above this share, learners that must stay in memory (their windows are open) use nearly all of
/// it.
const MEMORY_SHARE_MAX: f64 = 0.95;

/// Checks that publishers are not about to be refused.
pub(super) fn queues(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "queues";
    let queue = facts.resources.ingest_queue;
    let words = format!("{} wait to become log entries", used(queue));
    if facts.resources.store_is_waiting {
        let words = format!("the store waits for file handles or memory; {words}");
        let advice = "raise the limit of open files (`ulimit -n`, LimitNOFILE), or end what else takes the machine's handles and memory";
        return vec![fault(CHECK, "", words, advice)];
    }
    if queue.share() > QUEUE_SHARE_MAX {
        let advice = "publishers are refused when it is full, and come back: see log and fsync for what is slow; \
                      `ingest.queue_bytes_max` allows for larger bursts";
        return vec![warning(CHECK, "", words, advice)];
    }
    vec![ok(CHECK, words)]
}

/// Checks that the active learners fit into the memory.
pub(super) fn memory(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "memory";
    let memory = facts.resources.memory;
    let words = format!("active learners take {}", used(memory));
    let advice = "raise `memory.learners_bytes_max` if the machine has more, or spread the learners over more nodes";
    let share = memory.share();
    if share > 1.0 {
        let words = format!("{words}: publishers are refused");
        return vec![fault(CHECK, "", words, advice)];
    }
    if share > MEMORY_SHARE_MAX {
        return vec![warning(CHECK, "", words, advice)];
    }
    if facts.resources.memory_is_pressed {
        let words = format!(
            "{words}, many of them idle: publishers wait until those are saved and have left"
        );
        let advice = "it passes by itself; if it comes often, raise `memory.learners_bytes_max`, and see checkpoints for what is slow";
        return vec![warning(CHECK, "", words, advice)];
    }
    vec![ok(CHECK, words)]
}

fn used(fill: Fill) -> String {
    format!(
        "{} of {} ({})",
        bytes(fill.used_bytes),
        bytes(fill.max_bytes),
        percent(fill.share())
    )
}

#[cfg(test)]
mod tests {
    use homeroom_proto::v1::Severity;

    use super::super::sample;
    use super::*;

    fn filled(percent: u64) -> Facts {
        let mut facts = sample::healthy();
        let fill = Fill {
            used_bytes: percent << 20,
            max_bytes: 100 << 20,
        };
        facts.resources.ingest_queue = fill;
        facts.resources.memory = fill;
        facts
    }

    #[test]
    fn a_queue_that_is_nearly_full_is_a_warning() {
        assert_eq!(queues(&filled(80))[0].severity(), Severity::Ok);
        assert_eq!(queues(&filled(81))[0].severity(), Severity::Warning);
    }

    #[test]
    fn a_store_without_handles_is_a_fault() {
        let mut facts = filled(1);
        facts.resources.store_is_waiting = true;
        assert_eq!(queues(&facts)[0].severity(), Severity::Fault);
    }

    #[test]
    fn idle_learners_at_the_door_are_a_warning() {
        let mut facts = filled(30);
        assert_eq!(memory(&facts)[0].severity(), Severity::Ok);
        facts.resources.memory_is_pressed = true;
        assert_eq!(memory(&facts)[0].severity(), Severity::Warning);
    }

    #[test]
    fn memory_is_judged_in_three_steps() {
        for (percent, severity) in [
            (95, Severity::Ok),
            (96, Severity::Warning),
            (100, Severity::Warning),
            (101, Severity::Fault),
        ] {
            let findings = memory(&filled(percent));
            assert_eq!(findings[0].severity(), severity, "{percent} %");
        }
    }
}
