//! What the services that read shards stand on.

use std::sync::Arc;

use homeroom_proto::v1;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::read_options;
use crate::{
    control::ClusterState,
    observe::metrics::ReadMetrics,
    route::Router,
    shard::{ReadOptions, ShardReplica},
};

/// Shards, and how they are to be read.
pub type Shards = Vec<(Arc<ShardReplica>, ReadOptions)>;

/// What a read needs beside its request.
#[derive(Clone)]
pub struct ReadContext {
    /// Where the shards are.
    pub router: Arc<Router>,
    /// Whose position tokens are taken.
    pub cluster: watch::Receiver<Arc<ClusterState>>,
    /// Where answers are measured.
    pub metrics: Arc<ReadMetrics>,
    /// Ends what streams.
    pub stop: CancellationToken,
}

impl ReadContext {
    /// Empty before the cluster is founded.
    pub(super) fn cluster_id(&self) -> String {
        let cluster = self.cluster.borrow();
        let founded = cluster.founded.as_ref();
        founded
            .map(|founded| founded.cluster_id.clone())
            .unwrap_or_default()
    }

    /// All shards, to be read as a request asks.
    pub(super) fn all_shards(&self, read: Option<&v1::ReadOptions>) -> Result<Shards, Status> {
        let cluster_id = self.cluster_id();
        let shards = self.router.shards().iter();
        shards
            .map(|shard| {
                let options = read_options::for_shard(read, &cluster_id, shard.shard())?;
                Ok((Arc::clone(shard), options))
            })
            .collect()
    }
}
