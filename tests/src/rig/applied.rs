//! The result of an entry.

use std::collections::BTreeMap;

use homeroom_core::shard::{EntryContext, Outcome};

use super::emitted::Emitted;

/// The result of an entry that a rig made itself.
#[derive(Debug)]
pub struct Applied {
    /// The outcome of each delivery, in order.
    pub outcomes: Vec<Outcome>,
    /// By learner.
    pub emissions: Vec<(String, Emitted)>,
    /// The conditions under which its events were applied.
    pub context: EntryContext,
}

/// What an entry did, before its emissions are known.
#[derive(Debug)]
pub(super) struct Effect {
    pub outcomes: Vec<Outcome>,
    pub context: EntryContext,
    /// By learner: the event times that the entry touched, ms.
    pub touched: BTreeMap<String, Vec<i64>>,
    /// Windows that it closed, of all learners.
    pub closed: u64,
}
