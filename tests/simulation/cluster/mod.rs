//! Three simulated nodes and the network between them.

mod cluster_of_nodes;
mod disk_log;
mod flushed;
mod network;
mod node_time;
mod process;
mod shard_replica;
mod states;

pub use cluster_of_nodes::Cluster;
pub use network::Weather;
pub use process::Proposed;
pub use shard_replica::ShardReplica;

/// Nodes of a cluster; every group has a replica on each.
pub const NODES: usize = 3;
/// Groups of a cluster.
pub const GROUPS: u16 = 16;

/// The replica of a node in its nth incarnation, from 0.
pub fn replica_of(node: usize, incarnation: u64) -> u64 {
    incarnation * NODES as u64 + node as u64 + 1
}

/// The node of a replica.
pub fn node_of(replica: u64) -> usize {
    let place = (replica - 1) % NODES as u64;
    usize::try_from(place).expect("few nodes")
}
