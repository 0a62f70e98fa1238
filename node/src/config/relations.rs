//! Checks relations between fields.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::model::Config;
use super::origin::Origin;

/// A relation that must hold between two fields.
struct Relation {
    /// The field that the fault names.
    field: &'static str,
    other: &'static str,
    holds: bool,
    /// What must hold, up to the name of the other field.
    must: &'static str,
}

fn relations(config: &Config) -> Vec<Relation> {
    let Config {
        listen,
        ingest,
        log,
        raft,
        ..
    } = config;
    let relation = |field, must, other, holds| Relation {
        field,
        other,
        holds,
        must,
    };
    vec![
        relation(
            "listen.http",
            "must differ from",
            "listen.grpc",
            listen.http != listen.grpc || listen.http.port() == 0,
        ),
        relation(
            "ingest.stream_window_bytes",
            "must be at least",
            "ingest.request_bytes_max",
            ingest.stream_window_bytes >= ingest.request_bytes_max,
        ),
        relation(
            "ingest.queue_bytes_max",
            "must be at least",
            "ingest.request_bytes_max",
            ingest.queue_bytes_max >= ingest.request_bytes_max,
        ),
        relation(
            "ingest.queue_bytes_max",
            "must be at least",
            "ingest.entry_bytes_max",
            ingest.queue_bytes_max >= ingest.entry_bytes_max,
        ),
        relation(
            "log.queue_bytes_max",
            "must be at least",
            "ingest.entry_bytes_max",
            log.queue_bytes_max >= ingest.entry_bytes_max,
        ),
        relation(
            "raft.election_min",
            "must be at least twice",
            "raft.heartbeat",
            raft.election_min >= raft.heartbeat * 2,
        ),
        relation(
            "raft.election_max",
            "must be more than",
            "raft.election_min",
            raft.election_max > raft.election_min,
        ),
    ]
}

/// The relations that do not hold. Faulty fields are left out, since they have their defaults here.
pub(super) fn relation_faults(
    config: &Config,
    values: &BTreeMap<&'static str, (String, Origin)>,
    faulty: &BTreeSet<&'static str>,
) -> Vec<Fault> {
    let broken = relations(config).into_iter().filter(|relation| {
        !relation.holds && !faulty.contains(relation.field) && !faulty.contains(relation.other)
    });
    broken
        .filter_map(|relation| {
            let (value, origin) = values.get(relation.field)?;
            let (other_value, other_origin) = values.get(relation.other)?;
            Some(Fault {
                field: relation.field.to_owned(),
                value: Some(value.clone()),
                expected: format!(
                    "{} {}, which is {other_value} (from {other_origin})",
                    relation.must, relation.other
                ),
                origin: origin.clone(),
            })
        })
        .collect()
}
