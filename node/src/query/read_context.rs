//! What all services need to read shards.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use homeroom_core::cluster::ClusterState;
use homeroom_proto::v1;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use super::{
    leaders::Leaders,
    pool::QueryPool,
    read_options,
    slow_reader::{self, Answers},
};
use crate::{
    observe::metrics::ReadMetrics,
    route::Router,
    shard::{ReadOptions, ShardReplica},
    status,
};

/// Longest id that a request may name, bytes.
pub(super) const ID_BYTES_MAX: usize = 1_024;

/// Shards, each with the options of the read.
pub type Shards = Vec<(Arc<ShardReplica>, ReadOptions)>;

/// What a read needs besides its request.
#[derive(Clone)]
pub struct ReadContext {
    /// Finds the shards.
    pub router: Arc<Router>,
    /// The cluster whose position tokens are accepted.
    pub cluster: watch::Receiver<Arc<ClusterState>>,
    /// Records the duration of reads.
    pub metrics: Arc<ReadMetrics>,
    /// Runs long queries.
    pub pool: QueryPool,
    /// Ends all streams.
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

    /// Finds the leaders of shards.
    pub(super) fn leaders(&self) -> Leaders {
        Leaders::new(self.cluster.clone())
    }

    /// A response that streams answers until the node stops, or the reader takes none for long.
    pub(super) fn stream<T: Send + 'static>(
        &self,
        answers: impl Stream<Item = Result<T, Status>> + Send + 'static,
    ) -> Response<Answers<T>> {
        let stop = self.stop.clone().cancelled_owned();
        Response::new(slow_reader::bounded(answers.take_until(stop)))
    }

    /// All shards, with the options of a request.
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

/// Refuses ids that are empty or too long.
pub(super) fn check_id(field: &str, id: &str) -> Result<(), Status> {
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(status::invalid(field, "must have 1 to 1,024 bytes"));
    }
    Ok(())
}
