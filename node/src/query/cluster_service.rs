//! Serves the cluster's description, diagnosis, settings and checkpoints.

use std::{sync::Arc, time::Duration};

use homeroom_core::{
    ActorForm, BadSkillFrom, EntryHash, LatePolicy, Settings, SettingsChange, SourcePolicy,
};
use homeroom_proto::v1::{self, cluster_service_server::ClusterService};
use tonic::{Request, Response, Status};

use super::{diagnose::Diagnosis, leaders::Leaders};
use crate::{control::ControlPlane, route::Router, status};

/// How long an update waits for the shards. They go on beyond it.
const ADOPTED_WITHIN: Duration = Duration::from_secs(10);

/// The identity of this node.
#[derive(Clone, Debug)]
pub struct NodeIdentity {
    /// Its id in the cluster.
    pub node_id: u64,
    /// Version of this build.
    pub version: &'static str,
}

/// Serves [`ClusterService`].
pub struct ClusterHandler {
    identity: NodeIdentity,
    control: Arc<ControlPlane>,
    router: Arc<Router>,
    leaders: Leaders,
    diagnosis: Diagnosis,
}

impl ClusterHandler {
    /// For a node that is up.
    pub fn new(
        identity: NodeIdentity,
        control: Arc<ControlPlane>,
        router: Arc<Router>,
        diagnosis: Diagnosis,
    ) -> Self {
        Self {
            leaders: Leaders::new(control.states()),
            identity,
            control,
            router,
            diagnosis,
        }
    }

    /// Waits until every shard uses settings of this version or a newer one.
    async fn adopted(&self, version: u64) -> Result<(), Status> {
        let all = async {
            for shard in self.router.shards() {
                // A sealed shard takes no settings before it is open again, and a failed one none
                // before the node is restarted.
                if shard.group().sealed().is_some() || shard.failed().is_some() {
                    continue;
                }
                let mut views = shard.views();
                let uses = views.wait_for(|view| view.settings.version >= version);
                uses.await.map_err(|_| pending("the node is stopping"))?;
            }
            Ok(())
        };
        let waited = tokio::time::timeout(ADOPTED_WITHIN, all).await;
        waited.unwrap_or_else(|_| Err(pending("the shards take longer than 10 s")))
    }
}

fn pending(why: &str) -> Status {
    let words = format!("the settings are changed, and not yet in force everywhere: {why}");
    status::unavailable("SETTINGS_PENDING", &words)
}

#[tonic::async_trait]
impl ClusterService for ClusterHandler {
    async fn describe_cluster(
        &self,
        _request: Request<v1::DescribeClusterRequest>,
    ) -> Result<Response<v1::DescribeClusterResponse>, Status> {
        let founded = self.control.founded();
        let nodes = founded.members.iter().map(|member| v1::NodeDescription {
            node_id: member.node_id,
            address: member.address.clone(),
            version: self.identity.version.to_owned(),
        });
        let nodes = nodes.collect();
        let mut shards = Vec::with_capacity(self.router.shards().len());
        let saved = &self.diagnosis.metrics.checkpoint.saved;
        for shard in self.router.shards() {
            let (view, leader) = (shard.view(), self.leaders.of(shard));
            let failure = shard.failed();
            let role = match (&failure, leader.leads) {
                (Some(_), _) => v1::ReplicaRole::Failed,
                (None, true) => v1::ReplicaRole::Leads,
                (None, false) => v1::ReplicaRole::Follows,
            };
            shards.push(v1::ShardDescription {
                shard: shard.shard().into(),
                leader_node_id: leader.node_id,
                leader_replica: leader.replica,
                term: leader.term,
                role: role.into(),
                failure: failure.as_deref().unwrap_or_default().to_owned(),
                applied_index: view.applied_index,
                // The group's own waits for a checkpoint that is being made.
                checkpoint_index: saved.index(shard.shard()).unwrap_or_default(),
                watermark_ms: view.freshness.watermark_ms,
                active_learners: shard.active_learners() as u64,
                entry_hash: entry_hash(view.entry_hash),
            });
        }
        Ok(Response::new(v1::DescribeClusterResponse {
            cluster_id: founded.cluster_id,
            nodes,
            shards,
            control_plane_hash: entry_hash(self.control.state().entry_hash),
        }))
    }

    async fn diagnose(
        &self,
        _request: Request<v1::DiagnoseRequest>,
    ) -> Result<Response<v1::DiagnoseResponse>, Status> {
        Ok(Response::new(self.diagnosis.run().await))
    }

    async fn get_settings(
        &self,
        _request: Request<v1::GetSettingsRequest>,
    ) -> Result<Response<v1::GetSettingsResponse>, Status> {
        let settings = Some(to_proto(&self.control.settings()));
        Ok(Response::new(v1::GetSettingsResponse { settings }))
    }

    /// Answers once every shard uses the new settings. They get there without the caller, too.
    async fn update_settings(
        &self,
        request: Request<v1::UpdateSettingsRequest>,
    ) -> Result<Response<v1::UpdateSettingsResponse>, Status> {
        let requested = request.into_inner().settings.unwrap_or_default();
        let change = to_change(requested)?;
        let settings = self.control.update(change).await?;
        self.adopted(settings.version).await?;
        let settings = Some(to_proto(&settings));
        Ok(Response::new(v1::UpdateSettingsResponse { settings }))
    }

    async fn trigger_checkpoint(
        &self,
        _request: Request<v1::TriggerCheckpointRequest>,
    ) -> Result<Response<v1::TriggerCheckpointResponse>, Status> {
        let mut shards = Vec::with_capacity(self.router.shards().len());
        for shard in self.router.shards() {
            let outcome = shard.group().checkpoint().await;
            let (shard, index) = (shard.shard().into(), outcome.index.unwrap_or_default());
            shards.push(v1::CheckpointPosition { shard, index });
        }
        Ok(Response::new(v1::TriggerCheckpointResponse { shards }))
    }
}

fn entry_hash(hash: EntryHash) -> Option<v1::EntryHash> {
    hash.since_index().map(|since_index| v1::EntryHash {
        index: hash.index(),
        hash: hash.to_string(),
        since_index,
    })
}

fn to_proto(settings: &Settings) -> v1::Settings {
    let late_policy = match settings.late_policy {
        LatePolicy::Amend => v1::LatePolicy::Amend,
        LatePolicy::DeadLetter => v1::LatePolicy::DeadLetter,
    };
    let authority = settings.authority.iter().map(|(event_type, sources)| {
        let sources = sources.iter().cloned().collect();
        (event_type.clone(), v1::AuthoritativeSources { sources })
    });
    let sources = settings.sources.iter().map(|(source, policy)| {
        let actor_form = match policy.actor_form {
            ActorForm::Name => v1::ActorForm::Name,
            ActorForm::HomePageAndName => v1::ActorForm::HomePageAndName,
        };
        let policy = v1::SourcePolicy {
            ordered: Some(policy.ordered),
            extra_credit: Some(policy.extra_credit),
            drop_unknown_fields: Some(policy.drop_unknown_fields),
            actor_form: actor_form.into(),
            delay_ms: policy.delay_ms,
            skill_from: policy
                .skill_from
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        };
        (source.clone(), policy)
    });
    v1::Settings {
        version: settings.version,
        retention_ms: Some(settings.retention_ms),
        allowed_lateness_ms: Some(settings.allowed_lateness_ms),
        source_delay_ms: Some(settings.source_delay_ms),
        late_policy: late_policy.into(),
        authority: authority.collect(),
        sources: sources.collect(),
        poison_drill_type: settings.poison_drill_type.clone(),
        learner_bytes_max: Some(settings.learner_bytes_max),
    }
}

fn to_change(requested: v1::Settings) -> Result<SettingsChange, Status> {
    let late_policy = match v1::LatePolicy::try_from(requested.late_policy) {
        Ok(v1::LatePolicy::Unspecified) => None,
        Ok(v1::LatePolicy::Amend) => Some(LatePolicy::Amend),
        Ok(v1::LatePolicy::DeadLetter) => Some(LatePolicy::DeadLetter),
        Err(_) => {
            return Err(status::invalid(
                "settings.late_policy",
                "not one of the contract's",
            ));
        }
    };
    let authority = requested.authority.into_iter();
    let sources = requested.sources.into_iter().map(|(source, policy)| {
        let actor_form = match v1::ActorForm::try_from(policy.actor_form) {
            Ok(v1::ActorForm::HomePageAndName) => ActorForm::HomePageAndName,
            _ => ActorForm::Name,
        };
        let policy = SourcePolicy {
            ordered: policy.ordered.unwrap_or_default(),
            extra_credit: policy.extra_credit.unwrap_or_default(),
            drop_unknown_fields: policy.drop_unknown_fields.unwrap_or_default(),
            actor_form,
            delay_ms: policy.delay_ms,
            skill_from: skill_from(&policy.skill_from)?,
        };
        Ok((source, policy))
    });
    Ok(SettingsChange {
        retention_ms: requested.retention_ms,
        allowed_lateness_ms: requested.allowed_lateness_ms,
        source_delay_ms: requested.source_delay_ms,
        late_policy,
        authority: authority
            .map(|(event_type, of)| (event_type, of.sources.into_iter().collect()))
            .collect(),
        sources: sources.collect::<Result<_, Status>>()?,
        poison_drill_type: requested.poison_drill_type,
        learner_bytes_max: requested.learner_bytes_max,
    })
}

fn skill_from(text: &str) -> Result<Option<homeroom_core::SkillFrom>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let from = text.parse().map(Some);
    from.map_err(|error: BadSkillFrom| {
        status::invalid("settings.sources.….skill_from", &error.to_string())
    })
}
