//! The command line of `homeroom-node`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::origin::{FLAGS, Origin, Override};

/// A node of Homeroom: takes learners' events, keeps their learners, answers queries.
#[derive(Clone, Debug, Parser)]
#[command(name = "homeroom-node", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run a node; founds a cluster if the data folder is empty
    Serve(ConfigArgs),
    /// Print the configuration in force and where each value comes from, or everything that is
    /// wrong with it
    CheckConfig(ConfigArgs),
    /// Show a simulated class live, on a node of its own in a temporary folder
    Demo(DemoArgs),
}

/// Options of the demo.
#[derive(Clone, Copy, Debug, Args)]
pub struct DemoArgs {
    /// Learners in the class: 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub learners: u16,
    /// The same number, the same class
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// End by itself after N seconds of the live lesson: 1 to 86400 [default: go on until stopped]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: Option<u32>,
    /// Show nothing but one JSON document at the end, on standard output
    #[arg(long)]
    pub json: bool,
}

/// Flags that override the configuration file and the environment (`HOMEROOM__SECTION__FIELD`).
///
/// Values are kept as text; they are checked together with those of the other origins.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of everything the node keeps [default: homeroom-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Address and port of gRPC [default: 127.0.0.1:7400]
    #[arg(long, value_name = "ADDRESS")]
    pub grpc: Option<String>,
    /// Address and port of HTTP [default: 127.0.0.1:7401]
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<String>,
    /// Shards of the cluster, fixed when it is founded: 1 to 256 [default: 16]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub shards: Option<String>,
    /// How long events are taken and windows readable, for the founding: 1h to 400d [default: 24h]
    #[arg(long, value_name = "TIME")]
    pub retention: Option<String>,
    /// Least level of log lines: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Form of log lines: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

impl ConfigArgs {
    /// The values of the flags that are given.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let texts = [
            &self.data_dir,
            &self.grpc,
            &self.http,
            &self.shards,
            &self.retention,
            &self.log_level,
            &self.log_format,
        ];
        FLAGS
            .into_iter()
            .zip(texts)
            .filter_map(|((flag, path), text)| {
                Some(Override {
                    origin: Origin::Flag(flag),
                    path: path.to_owned(),
                    text: text.clone()?,
                })
            })
            .collect()
    }
}
