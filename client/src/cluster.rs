//! Calls to the cluster service.

use std::time::Duration;

use homeroom_proto::v1;
use tonic::transport::Channel;
use v1::cluster_service_client::ClusterServiceClient;

use crate::client::ANSWER_BYTES_MAX;
use crate::{CallError, Client};

/// A checkpoint writes everything that changed since the last one, so it may take minutes.
const CHECKPOINT_DEADLINE: Duration = Duration::from_secs(300);

fn service(channel: Channel) -> ClusterServiceClient<Channel> {
    ClusterServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// The nodes of the cluster, and its shards with their leaders.
    pub async fn describe_cluster(&self) -> Result<v1::DescribeClusterResponse, CallError> {
        let request = v1::DescribeClusterRequest {};
        self.unary("DescribeCluster", request, |channel, request| async move {
            service(channel).describe_cluster(request).await
        })
        .await
    }

    /// Runs a node's health checks; each finding comes with advice.
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

    /// Changes the given fields and returns all settings. A map's entry replaces the entry of that
    /// key.
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

    /// Makes all applied state durable in checkpoints, and returns once it is.
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
