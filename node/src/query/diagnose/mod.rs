//! The diagnosis of a node: a list of checks in a fixed order.
//!
//! Facts are gathered in one place. Each check is a function from facts to at least one finding,
//! and depends on nothing else.

#[cfg(test)]
mod alerts;
mod dead_letters;
mod deliveries;
mod event_time;
mod facts;
mod finding;
mod gather;
mod home_pages;
mod replicas;
mod resources;
#[cfg(test)]
mod sample;
mod storage;

use std::{cmp::Reverse, sync::Arc};

use homeroom_proto::v1;

use self::facts::Facts;
use crate::{
    control::ControlPlane,
    observe::{Metrics, ReadResourceUsage},
    query::answer_size::{ANSWER_BYTES_MAX, size_within},
    route::Router,
};

type Check = fn(&Facts) -> Vec<v1::Finding>;

/// The checks, in the order of their findings.
const CHECKS: [Check; 15] = [
    deliveries::conservation,
    deliveries::producer_gaps,
    dead_letters::dead_letters,
    deliveries::conflicts,
    event_time::watermark,
    event_time::sources,
    home_pages::home_pages,
    replicas::replicas,
    storage::log,
    storage::fsync,
    storage::checkpoints,
    resources::queues,
    resources::memory,
    storage::disk,
    event_time::clock,
];

/// Diagnoses one node.
pub struct Diagnosis {
    /// Its shards.
    pub router: Arc<Router>,
    /// Its cluster, with the settings.
    pub control: Arc<ControlPlane>,
    /// Its metrics.
    pub metrics: Arc<Metrics>,
    /// Its resource usage.
    pub resources: ReadResourceUsage,
}

impl Diagnosis {
    /// Gathers the facts and runs all checks. A shard that does not answer within 2 s is a finding
    /// of its own.
    pub async fn run(&self) -> v1::DiagnoseResponse {
        let facts =
            gather::facts(&self.router, &self.control, &self.metrics, &self.resources).await;
        let findings: Vec<v1::Finding> = CHECKS.iter().flat_map(|check| check(&facts)).collect();
        let is_wrong = |finding: &v1::Finding| {
            matches!(
                finding.severity(),
                v1::Severity::Warning | v1::Severity::Fault
            )
        };
        v1::DiagnoseResponse {
            healthy: !findings.iter().any(is_wrong),
            findings: within_an_answer(findings),
        }
    }
}

/// As many findings as fit into an answer, in their order. The least severe are left out first.
fn within_an_answer(findings: Vec<v1::Finding>) -> Vec<v1::Finding> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|at| Reverse(findings[*at].severity));
    let mut bytes = 0;
    let fits = |at: &usize| {
        bytes += size_within(&findings[*at]);
        bytes <= ANSWER_BYTES_MAX
    };
    let mut kept: Vec<usize> = order.into_iter().take_while(fits).collect();
    kept.sort_unstable();
    let left_out = findings.len() - kept.len();
    let mut kept: Vec<v1::Finding> = kept.into_iter().map(|at| findings[at].clone()).collect();
    if left_out > 0 {
        let words = format!("{left_out} further findings do not fit into this answer");
        kept.push(finding::note("findings", "", words));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_node_passes_every_check_in_the_order_of_the_list() {
        let facts = sample::healthy();
        let findings: Vec<v1::Finding> = CHECKS.iter().flat_map(|check| check(&facts)).collect();
        for finding in &findings {
            assert_eq!(finding.severity(), v1::Severity::Ok, "{finding:?}");
            assert!(!finding.words.is_empty(), "{finding:?}");
            assert_eq!(finding.advice, "", "{finding:?}");
        }
        let checks: Vec<&str> = findings.iter().map(|finding| &*finding.check).collect();
        let expected = [
            "conservation",
            "producer-gaps",
            "dead-letters",
            "conflicts",
            "watermark",
            "sources",
            "home-pages",
            "replicas",
            "log",
            "fsync",
            "checkpoints",
            "queues",
            "memory",
            "disk",
            "clock",
        ];
        assert_eq!(checks, expected);
    }

    #[test]
    fn of_more_findings_than_fit_the_most_severe_stay() {
        let long = "w".repeat(100_000);
        let mut findings = vec![finding::note("a", "", &*long); 30];
        findings.push(finding::fault("b", "", &*long, ""));
        let kept = within_an_answer(findings);
        let checks: Vec<&str> = kept.iter().map(|finding| &*finding.check).collect();
        assert_eq!(checks[kept.len() - 2..], ["b", "findings"]);
        assert!((10..30).contains(&kept.len()), "{}", kept.len());
    }

    #[test]
    fn a_node_that_knows_nothing_yet_is_healthy() {
        let facts = sample::empty();
        for check in CHECKS {
            for finding in check(&facts) {
                assert_eq!(finding.severity(), v1::Severity::Ok, "{finding:?}");
            }
        }
    }
}
