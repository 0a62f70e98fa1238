//! `homeroom cluster`.

use clap::Subcommand;
use homeroom_client::{Client, v1};
use serde::Serialize;

use crate::{error::CliError, output::Output, render};

/// Look at the cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Its nodes, and its shards with their leaders.
    Describe,
    /// Make all applied state durable beside the log; returns when it is.
    Checkpoint,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterDocument<'a> {
    cluster_id: &'a str,
    nodes: &'a [v1::NodeDescription],
    shards: &'a [v1::ShardDescription],
}

#[derive(Serialize)]
struct CheckpointDocument {
    shards: Vec<CheckpointShard>,
}

#[derive(Serialize)]
struct CheckpointShard {
    shard: u32,
    index: u64,
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    match args.command {
        Command::Describe => describe(client, output).await,
        Command::Checkpoint => checkpoint(client, output).await,
    }
}

async fn describe(client: &Client, output: &mut Output) -> Result<(), CliError> {
    let cluster = client.describe_cluster().await?;
    if output.is_json() {
        return output.json(&ClusterDocument {
            cluster_id: &cluster.cluster_id,
            nodes: &cluster.nodes,
            shards: &cluster.shards,
        });
    }
    output.text(format_args!(
        "cluster {}\n",
        render::name(&cluster.cluster_id)
    ))?;
    let mut nodes = render::table(["node", "address", "version"]);
    for node in &cluster.nodes {
        let id = node.node_id.to_string();
        nodes.add_row([id, node.address.clone(), node.version.clone()]);
    }
    output.text(format_args!("{nodes}\n"))?;
    let mut shards = render::table([
        "shard",
        "leader",
        "term",
        "applied",
        "checkpoint",
        "watermark",
        "active learners",
        "entry hash",
    ]);
    for shard in &cluster.shards {
        shards.add_row([
            render::number(shard.shard),
            render::number(shard.leader_node_id),
            render::number(shard.term),
            render::number(shard.applied_index),
            render::number(shard.checkpoint_index),
            render::optional_time(shard.watermark_ms).into(),
            render::number(shard.active_learners),
            entry_hash(shard).into(),
        ]);
    }
    output.text(shards)
}

/// The hash after the applied entry. A replica whose hash does not cover the whole log says since
/// when it does.
fn entry_hash(shard: &v1::ShardDescription) -> String {
    match &shard.entry_hash {
        None => "-".to_owned(),
        Some(it) if it.since_index == 0 => it.hash.clone(),
        Some(it) => format!("{} since {}", it.hash, it.since_index),
    }
}

async fn checkpoint(client: &Client, output: &mut Output) -> Result<(), CliError> {
    let shards = client.trigger_checkpoint().await?;
    if output.is_json() {
        let shards = shards.iter().map(|at| CheckpointShard {
            shard: at.shard,
            index: at.index,
        });
        return output.json(&CheckpointDocument {
            shards: shards.collect(),
        });
    }
    let mut table = render::table(["shard", "durable index"]);
    for at in &shards {
        table.add_row([render::number(at.shard), render::number(at.index)]);
    }
    output.text(table)
}
