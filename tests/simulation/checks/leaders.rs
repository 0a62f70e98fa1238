//! Leaders: no term and replica leads twice.

use std::collections::BTreeMap;

use homeroom_node::raft::Leadership;
use homeroom_node::store::GroupId;
use parking_lot::Mutex;

use crate::sim::Sim;

/// By group, term and leading replica: the generation of its process.
#[derive(Default)]
pub struct Leaders(Mutex<BTreeMap<(GroupId, u64, u64), u64>>);

impl Leaders {
    /// A replica's leadership changed.
    pub fn changed(
        &self,
        sim: &Sim,
        group: GroupId,
        (replica, generation): (u64, u64),
        present: Leadership,
    ) {
        let Leadership {
            term,
            leader,
            leads,
        } = present;
        sim.trace(format_args!("{replica} {group} {term} {leader:?} {leads}"));
        if !leads {
            return;
        }
        let mut led = self.0.lock();
        let known = *led.entry((group, term, replica)).or_insert(generation);
        if known != generation {
            sim.violated(
                "a term and a replica lead once",
                format_args!("group {group}, term {term}: replica {replica} leads again"),
            );
        }
    }
}
