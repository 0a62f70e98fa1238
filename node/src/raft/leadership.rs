//! Who leads a group, as this replica knows it.

/// The present term of a group, and its leader.
///
/// What is fenced is fenced by `(term, leader)`: with openraft's leader ids one term can have
/// several leaders, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// Raft term; 0 before the first election.
    pub term: u64,
    /// Incarnation of the leading replica; `None` when none is known.
    pub leader: Option<u64>,
    /// Whether this replica leads.
    pub leads: bool,
}
