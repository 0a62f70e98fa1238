//! Reads of courses at one point in time over all shards.

use std::sync::Arc;

use futures::future::try_join_all;
use homeroom_core::shard::ReadPoint;
use homeroom_proto::v1;
use tonic::Status;

use super::{class::Class, clock, page::RosterPage};
use crate::{
    query::{answer_size::FRESHNESS_BYTES_MAX, freshness, leaders::Leaders},
    shard::{ReadOptions, ShardReplica, View},
};

/// All shards, each with the point at which its learners are read.
pub struct ReadPoints {
    shards: Vec<(Arc<ShardReplica>, ReadPoint)>,
    /// The freshness of each shard.
    pub freshness: Vec<v1::Freshness>,
}

impl ReadPoints {
    /// Waits until each shard is as current as requested.
    ///
    /// # Errors
    /// When a shard can't be, and the request does not accept less.
    pub async fn of(
        shards: Vec<(Arc<ShardReplica>, ReadOptions)>,
        leaders: &Leaders,
    ) -> Result<Self, Status> {
        let met = shards.iter();
        let met = met.map(|(shard, options)| shard.reader().await_consistency(*options));
        let met = try_join_all(met).await?;
        let views: Vec<Arc<View>> = shards.iter().map(|(shard, _)| shard.view()).collect();
        let log_now_ms = shards
            .iter()
            .filter_map(|(shard, _)| shard.clock().now_ms());
        // Without log time nothing tells how long ago the newest event was.
        let points = clock::points(&views, log_now_ms.max().unwrap_or(i64::MIN));
        let bytes_max = FRESHNESS_BYTES_MAX / shards.len().max(1);
        let freshness = shards
            .iter()
            .zip(&views)
            .zip(met)
            .map(|(((shard, _), view), (confirmed, bound_met))| {
                let leader = leaders.of(shard);
                freshness::within(view, leader, confirmed.elapsed(), bound_met, bytes_max)
            })
            .collect();
        Ok(Self {
            shards: shards
                .into_iter()
                .zip(points)
                .map(|((shard, _), point)| (shard, point))
                .collect(),
            freshness,
        })
    }

    /// The shards.
    pub fn shards(&self) -> impl Iterator<Item = &Arc<ShardReplica>> {
        self.shards.iter().map(|(shard, _)| shard)
    }

    /// The shards, each with the point at which its learners are read.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<ShardReplica>, &ReadPoint)> {
        self.shards.iter().map(|(shard, at)| (shard, at))
    }

    /// Aggregates a course, with a page of its roster.
    ///
    /// # Errors
    /// When a shard can't be read.
    pub async fn class(&self, course_id: &str, page: &RosterPage) -> Result<Class, Status> {
        let classes = self.classes(&[course_id.into()], page).await?;
        let class = classes.into_iter().next();
        class.ok_or_else(|| Status::internal("the cluster has no shards"))
    }

    /// Aggregates some courses, in their order.
    ///
    /// # Errors
    /// As [`Self::class`].
    pub async fn classes(
        &self,
        course_ids: &[Box<str>],
        page: &RosterPage,
    ) -> Result<Vec<Class>, Status> {
        let of_shards = self.iter().map(|(shard, at)| {
            let begun = course_ids.iter();
            let begun = begun.map(|id| (id.clone(), Class::new(*at, page.clone())));
            shard.reader().visit_rosters(begun.collect())
        });
        let of_shards = try_join_all(of_shards).await?.into_iter();
        let merged = of_shards.reduce(|some, others| {
            let pairs = some.into_iter().zip(others);
            pairs.map(|(one, other)| one.merged(other)).collect()
        });
        Ok(merged.unwrap_or_default())
    }
}
