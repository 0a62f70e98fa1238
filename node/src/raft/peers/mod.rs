//! How the replicas of a group speak to each other.

pub(super) mod network;
pub(super) mod silence;
pub(super) mod transport;
