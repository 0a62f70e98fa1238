//! Reads the profile of one learner.

use homeroom_proto::v1;
use tonic::Status;

use crate::{
    query::{
        freshness,
        leaders::Leaders,
        profile::{self, Mask},
    },
    shard::{ReadOptions, ShardReplica},
};

/// Reads a learner's profile into a message of the contract.
pub(super) async fn read_profile(
    (shard, leaders): (&ShardReplica, &Leaders),
    user_id: &str,
    options: ReadOptions,
    mask: &Mask,
) -> Result<v1::GetLearnerResponse, Status> {
    let read = shard
        .reader()
        .read_learner(user_id, options, |learner, view| {
            learner.map(|learner| learner.profile(&view.at))
        })
        .await?;
    let freshness = freshness::of_read(leaders.of(shard), &read);
    let profile = read.value.map(|profile| profile::to_proto(profile, mask));
    Ok(v1::GetLearnerResponse {
        found: profile.is_some(),
        profile,
        freshness: Some(freshness),
    })
}
