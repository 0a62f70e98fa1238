//! Who leads a shard, as this node knows it. Read from published values: nothing here waits for an
//! entry that is being applied.

use std::sync::Arc;

use homeroom_core::cluster::ClusterState;
use tokio::sync::watch;

use crate::shard::ShardReplica;

/// Finds the leaders of shards and their nodes.
#[derive(Clone)]
pub struct Leaders(watch::Receiver<Arc<ClusterState>>);

/// The leadership of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardLeader {
    /// The shard.
    pub shard: u16,
    /// The newest term that this node's replica knows.
    pub term: u64,
    /// Whether that replica leads.
    pub leads: bool,
    /// The replica that leads; 0 when it is unknown.
    pub replica: u64,
    /// Its node; 0 when it is unknown.
    pub node_id: u64,
}

impl Leaders {
    /// By the placement in the cluster's state.
    pub fn new(cluster: watch::Receiver<Arc<ClusterState>>) -> Self {
        Self(cluster)
    }

    /// The present leadership of a shard.
    pub fn of(&self, shard: &ShardReplica) -> ShardLeader {
        let known = shard.leadership();
        let node_id = known.leader.and_then(|replica| {
            let cluster = self.0.borrow();
            node_of(&cluster, shard.shard(), replica)
        });
        ShardLeader {
            shard: shard.shard(),
            term: known.term,
            leads: known.leads,
            replica: known.leader.unwrap_or_default(),
            node_id: node_id.unwrap_or_default(),
        }
    }
}

/// The node of a shard's replica; `None` if it is not placed there any more.
fn node_of(cluster: &ClusterState, shard: u16, replica: u64) -> Option<u64> {
    let placement = cluster.founded.as_ref()?.shards.get(usize::from(shard))?;
    let mut replicas = placement.replicas.iter();
    replicas.find_map(|(placed, node_id)| (*placed == replica).then_some(*node_id))
}

#[cfg(test)]
mod tests {
    use homeroom_core::{
        Settings,
        cluster::{ClusterCommand, Founding, Member},
    };

    use super::*;

    #[test]
    fn a_replica_is_found_on_its_node_and_an_unknown_one_nowhere() {
        let mut cluster = ClusterState::default();
        let founding = Founding {
            cluster_id: "c".to_owned(),
            founder: Member {
                node_id: 7,
                address: String::new(),
            },
            shards: 2,
            settings: Settings::default(),
        };
        let founded = cluster.apply(1, b"found", ClusterCommand::Found(founding));
        founded.expect("a new cluster");
        let founded = cluster.founded.as_ref().expect("just founded");
        let (replica, _) = founded.shards[1].replicas[0];
        assert_eq!(node_of(&cluster, 1, replica), Some(7));
        assert_eq!(node_of(&cluster, 0, replica), None, "of another shard");
        assert_eq!(node_of(&cluster, 2, replica), None, "no such shard");
        assert_eq!(node_of(&ClusterState::default(), 1, replica), None);
    }
}
