//! Calls to the cluster service.

use std::time::Duration;

use homeroom_proto::v1;
use tonic::transport::Channel;
use v1::cluster_service_client::ClusterServiceClient;

use crate::client::ANSWER_BYTES_MAX;
use crate::{CallError, Client};

/// A checkpoint writes all that changed to disk.
const CHECKPOINT_DEADLINE: Duration = Duration::from_secs(300);

fn service(channel: Channel) -> ClusterServiceClient<Channel> {
    ClusterServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// What the cluster is made of.
    pub async fn describe_cluster(&self) -> Result<v1::DescribeClusterResponse, CallError> {
        let request = v1::DescribeClusterRequest {};
        self.unary("DescribeCluster", request, |channel, request| async move {
            service(channel).describe_cluster(request).await
        })
        .await
    }

    /// What a node finds when it walks the checklist of an engineer who asks what is wrong.
    pub async fn diagnose(&self) -> Result<v1::DiagnoseResponse, CallError> {
        let request = v1::DiagnoseRequest {};
        self.unary("Diagnose", request, |channel, request| async move {
            service(channel).diagnose(request).await
        })
        .await
    }

    /// The settings that all replicas agree on.
    pub async fn settings(&self) -> Result<v1::Settings, CallError> {
        let request = v1::GetSettingsRequest {};
        let answer = self
            .unary("GetSettings", request, |channel, request| async move {
                service(channel).get_settings(request).await
            })
            .await?;
        Ok(answer.settings.unwrap_or_default())
    }

    /// Changes the fields that are given, and returns all of them. A map's entry replaces the entry of that key.
    pub async fn update_settings(&self, change: v1::Settings) -> Result<v1::Settings, CallError> {
        let request = v1::UpdateSettingsRequest {
            settings: Some(change),
        };
        let answer = self
            .unary("UpdateSettings", request, |channel, request| async move {
                service(channel).update_settings(request).await
            })
            .await?;
        Ok(answer.settings.unwrap_or_default())
    }

    /// Makes all applied state durable beside the log; answers when it is.
    pub async fn trigger_checkpoint(&self) -> Result<Vec<v1::CheckpointPosition>, CallError> {
        let request = v1::TriggerCheckpointRequest {};
        let kind = self.long("TriggerCheckpoint", CHECKPOINT_DEADLINE);
        let answer = self
            .call(kind, request, |channel, request| async move {
                service(channel).trigger_checkpoint(request).await
            })
            .await?;
        Ok(answer.shards)
    }
}
