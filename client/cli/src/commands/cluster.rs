//! `homeroom cluster`.

use clap::Subcommand;
use comfy_table::Cell;
use homeroom_client::{Client, v1};
use homeroom_proto::short_name;
use serde::Serialize;

use crate::{error::CliError, output::Output, render, terminal::escape_line};

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
    control_plane_hash: &'a Option<v1::EntryHash>,
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
            control_plane_hash: &cluster.control_plane_hash,
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
        "here",
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
            known(shard.leader_node_id),
            role(shard).into(),
            render::number(shard.term),
            render::number(shard.applied_index),
            render::number(shard.checkpoint_index),
            render::optional_time(shard.watermark_ms).into(),
            render::number(shard.active_learners),
            entry_hash(&shard.entry_hash).into(),
        ]);
    }
    output.text(format_args!("{shards}\n"))?;
    let hash = entry_hash(&cluster.control_plane_hash);
    output.text(format_args!("control plane: entry hash {hash}"))?;
    let failed = cluster.shards.iter();
    for shard in failed.filter(|shard| !shard.failure.is_empty()) {
        let (number, why) = (shard.shard, escape_line(&shard.failure));
        output.text(format_args!("shard {number} has failed here: {why}"))?;
    }
    Ok(())
}

/// What the replica of the node that was asked does.
fn role(shard: &v1::ShardDescription) -> String {
    let role = short_name(shard.role().as_str_name(), "REPLICA_ROLE_");
    match shard.role() {
        // The node is of an older build.
        v1::ReplicaRole::Unspecified => "-".to_owned(),
        _ => role.to_ascii_lowercase(),
    }
}

fn known(id: u64) -> Cell {
    match id {
        0 => render::number("-"),
        id => render::number(id),
    }
}

/// The hash with the index of its newest entry. A hash that does not cover the whole log says since
/// which entry it does.
fn entry_hash(hash: &Option<v1::EntryHash>) -> String {
    match hash {
        None => "-".to_owned(),
        Some(it) if it.since_index == 0 => format!("{} at {}", it.hash, it.index),
        Some(it) => format!("{} at {} since {}", it.hash, it.index, it.since_index),
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
