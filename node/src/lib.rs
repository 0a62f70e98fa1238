//! A node of Homeroom.
pub mod control;
pub mod learner;
pub mod raft;
pub mod route;
pub mod shard;
pub mod store;
