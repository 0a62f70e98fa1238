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
mod resources;
#[cfg(test)]
mod sample;
mod storage;

use std::sync::Arc;

use homeroom_proto::v1;

use self::facts::Facts;
use crate::{
    control::ControlPlane,
    observe::{Metrics, ReadResourceUsage},
    route::Router,
};

type Check = fn(&Facts) -> Vec<v1::Finding>;

/// The checks, in the order of their findings.
const CHECKS: [Check; 14] = [
    deliveries::conservation,
    deliveries::producer_gaps,
    dead_letters::dead_letters,
    deliveries::conflicts,
    event_time::watermark,
    event_time::sources,
    home_pages::home_pages,
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
            findings,
        }
    }
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
    fn a_node_that_knows_nothing_yet_is_healthy() {
        let facts = sample::empty();
        for check in CHECKS {
            for finding in check(&facts) {
                assert_eq!(finding.severity(), v1::Severity::Ok, "{finding:?}");
            }
        }
    }
}
