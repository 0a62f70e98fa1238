//! The configuration as the node's parts read it. Units, defaults and bounds of each field stand in `defaults.toml`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use homeroom_core::{LatePolicy, Settings};
use serde::Deserialize;

use super::share::MemoryBound;

/// Everything a node is told. Obtained from [`super::load`], where every value has been checked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node itself.
    pub node: NodeConfig,
    /// Where it listens.
    pub listen: ListenConfig,
    /// How events come in.
    pub ingest: IngestConfig,
    /// What learners may take.
    pub memory: MemoryConfig,
    /// How state reaches the disk.
    pub checkpoint: CheckpointConfig,
    /// The log under Raft.
    pub log: LogConfig,
    /// Raft's timers.
    pub raft: RaftConfig,
    /// The cluster's settings, at its founding.
    pub founding: FoundingConfig,
    /// What the node writes about itself.
    pub log_output: LogOutputConfig,
    /// How it stops.
    pub shutdown: ShutdownConfig,
}

/// The node itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Folder of everything the node keeps.
    pub data_dir: PathBuf,
    /// Shards of the cluster, fixed at its founding; default 16, 1 to 256.
    pub shards: u16,
    /// Worker threads, 0 for one per core; default 0, up to 256.
    pub runtime_threads: u16,
}

/// Where the node listens.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// gRPC; default `127.0.0.1:7400`.
    pub grpc: SocketAddr,
    /// HTTP; default `127.0.0.1:7401`.
    pub http: SocketAddr,
    /// Open HTTP connections; default 1,024, 1 to 65,536.
    pub http_connections_max: u32,
}

/// How events come in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestConfig {
    /// Largest request, as received and again when decompressed; default 4 MiB, 64 KiB to 64 MiB.
    pub request_bytes_max: ByteSize,
    /// How long the body of an HTTP request may take to arrive; default 30 s, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub body_within: Duration,
    /// How far a stream is read ahead of its acknowledgements; default 8 MiB, 64 KiB to 1 GiB.
    pub stream_window_bytes: ByteSize,
    /// How long events wait for company in a log entry; default 1 ms, 0 to 1 s.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// Where a log entry is closed; default 512 KiB, 128 KiB to 2 MiB.
    pub entry_bytes_max: ByteSize,
    /// Log entries of one shard under way at once; default 4, 1 to 64.
    pub entries_in_flight: u16,
    /// Events of the node that wait to become log entries; default 32 MiB, 1 MiB to 64 GiB.
    pub queue_bytes_max: ByteSize,
}

/// What learners may take.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {
    /// All learners in memory; default 40 % of what there is, 16 MiB to 1 TiB.
    pub learners_bytes_max: MemoryBound,
    /// Beyond this, at most half of the above, many idle learners leave at once; default 768 MiB, 8 MiB to 1 TiB.
    pub learners_bytes_short: ByteSize,
    /// Unused for this long, a learner leaves the memory; default 60 s, 1 s to 1 d.
    #[serde(with = "humantime_serde")]
    pub passivate_after: Duration,
    /// The system's pages; default small.
    pub pages: PagesChoice,
}

/// The pages that memory comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagesChoice {
    /// The system's common ones.
    Small,
    /// Transparent huge ones, where the system gives them.
    Huge,
}

/// How state reaches the disk.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Time between two checkpoints of a shard; default 30 s, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Events applied since the last checkpoints, of all shards together, that make checkpoints due earlier; default 512 MiB, 1 MiB to
    /// 64 GiB.
    pub log_bytes: ByteSize,
    /// Growth of the log after which a new base is written; default 256 MiB, 1 MiB to 64 GiB.
    pub base_log_bytes: ByteSize,
    /// sled's page cache; default 128 MiB, 1 MiB to 64 GiB.
    pub sled_cache_bytes: ByteSize,
    /// How often bases are read to their ends and verified; default 1 d, 1 s to 365 d.
    #[serde(with = "humantime_serde")]
    pub scrub_interval: Duration,
}

/// The log under Raft.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Where a segment file is closed; default 64 MiB, 4 KiB to 1 GiB.
    pub segment_bytes: ByteSize,
    /// Newest entries kept in memory; default 64 MiB, 0 to 64 GiB.
    pub cache_bytes: ByteSize,
    /// Entries that wait to be written; default 64 MiB, 128 KiB to 1 GiB.
    pub queue_bytes_max: ByteSize,
}

/// Raft's timers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaftConfig {
    /// Between two heartbeats; default 500 ms, 10 ms to 10 s.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// Least time of silence before an election; default 1.5 s, 50 ms to 60 s.
    #[serde(with = "humantime_serde")]
    pub election_min: Duration,
    /// Most of it; default 3 s, 50 ms to 2 min.
    #[serde(with = "humantime_serde")]
    pub election_max: Duration,
}

/// Settings of the cluster that count once, when it is founded.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundingConfig {
    /// See [`Settings::retention_ms`]; default 24 h, 1 h to 400 d.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// See [`Settings::allowed_lateness_ms`]; default 30 s, 0 to 1 h.
    #[serde(with = "humantime_serde")]
    pub allowed_lateness: Duration,
    /// See [`Settings::source_delay_ms`]; default 10 s, 0 to 1 h.
    #[serde(with = "humantime_serde")]
    pub source_delay: Duration,
    /// See [`Settings::late_policy`]; default `amend`.
    pub late_policy: LatePolicyChoice,
}

/// What happens to an event whose window is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatePolicyChoice {
    /// It counts, and the window is amended.
    Amend,
    /// It becomes a dead letter.
    DeadLetter,
}

/// What the node writes about itself, to standard error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogOutputConfig {
    /// Least level of the node's own lines; default `info`.
    pub level: LogLevel,
    /// Default `text`.
    pub format: LogFormat,
}

/// Least level of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What needs a person.
    Error,
    /// What a person should know.
    Warn,
    /// What happens seldom.
    Info,
    /// What happens often.
    Debug,
    /// All.
    Trace,
}

/// Form of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How the node stops.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownConfig {
    /// What requests under way get to end; default 10 s, 0 to 10 min.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
}

impl FoundingConfig {
    /// The settings that a cluster founded with these begins with.
    pub fn settings(&self) -> Settings {
        Settings {
            retention_ms: whole_ms(self.retention),
            allowed_lateness_ms: whole_ms(self.allowed_lateness),
            source_delay_ms: whole_ms(self.source_delay),
            late_policy: match self.late_policy {
                LatePolicyChoice::Amend => LatePolicy::Amend,
                LatePolicyChoice::DeadLetter => LatePolicy::DeadLetter,
            },
            ..Settings::default()
        }
    }
}

impl LogLevel {
    /// The name, as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Whole milliseconds.
pub fn whole_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
