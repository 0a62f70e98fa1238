//! A replica of a shard in one process: the core as a node runs it, without actors, store and Raft.
//!
//! [`CoreRig`] is one replica. Tests of the meaning call [`CoreRig::apply`], which makes the entry
//! itself. A test with a log of its own, like a simulation of several replicas, does this:
//!
//! - [`CoreRig::apply_entry`] with the index and the bytes of each entry gives the outcomes;
//! - [`CoreRig::capture`] gives the shard's record and the records that changed since the last
//!   capture, as a checkpoint stores them; [`CoreRig::restored`] begins again from such a state and
//!   all records;
//! - [`CoreRig::disturb`] evicts, passivates, or writes and reads back by a seed. None of it may
//!   change an outcome: what is in memory is each replica's own affair.
//!
//! [`Unruly`] makes events that collide often, [`core_event`] converts an event of the model, and
//! [`assert_reads_equal`] compares all that can be read with the model ([`crate::oracle`]).

mod applied;
mod convert;
mod core_rig;
mod delivery;
mod disk;
mod emitted;
mod reading;
mod records;
mod standings;
mod unruly;

pub use applied::Applied;
pub use convert::{core_event, core_reason, core_refusal};
pub use core_rig::CoreRig;
pub use delivery::Delivery;
pub use disk::Captured;
pub use emitted::Emitted;
pub use reading::{FIVE_MINUTES, SHAPES, assert_reads_equal, assert_windows, timeless};
pub use unruly::{COURSES, SOURCES, USERS, Unruly};
