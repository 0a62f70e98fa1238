//! The configuration as the parts of the node read it. `defaults.toml` states the unit, default and
//! bounds of each field.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use homeroom_core::{LatePolicy, Settings};
use serde::Deserialize;

use super::share::MemoryBound;
use super::web::{HostNames, Origins};

/// The configuration of a node, from [`super::load`], which has checked every value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node itself.
    pub node: NodeConfig,
    /// Its listeners.
    pub listen: ListenConfig,
    /// What browsers may reach.
    pub web: WebConfig,
    /// Ingress.
    pub ingest: IngestConfig,
    /// Memory for learners.
    pub memory: MemoryConfig,
    /// Checkpoints and bases.
    pub checkpoint: CheckpointConfig,
    /// The log under Raft.
    pub log: LogConfig,
    /// Raft's timers.
    pub raft: RaftConfig,
    /// The cluster's settings at its founding.
    pub founding: FoundingConfig,
    /// Log lines of the node.
    pub log_output: LogOutputConfig,
    /// The shutdown.
    pub shutdown: ShutdownConfig,
}

/// The node itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Data folder of the node.
    pub data_dir: PathBuf,
    /// Shards of the cluster, fixed at its founding; default 16, 1 to 256.
    pub shards: u16,
    /// Worker threads, 0 for one per core; default 0, up to 256.
    pub runtime_threads: u16,
}

/// The listeners.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// gRPC; default `127.0.0.1:7400`.
    pub grpc: SocketAddr,
    /// HTTP; default `127.0.0.1:7401`.
    pub http: SocketAddr,
    /// Open HTTP connections; default 1,024, 1 to 65,536. Fewer where the limit of file handles
    /// leaves room for fewer.
    pub http_connections_max: u32,
    /// The same for gRPC.
    pub grpc_connections_max: u32,
    /// Open gRPC calls and streams, of all connections; default 4,096, 1 to 1,048,576.
    pub grpc_calls_max: u32,
    /// Of one connection; default 200, 1 to 65,536.
    pub grpc_connection_calls_max: u32,
    /// A connection without a first call is closed after this; default 10 s, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub first_call_within: Duration,
    /// A connection whose peer takes nothing of an answer for this long is closed; default 30 s,
    /// 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub stalled_after: Duration,
}

/// What browsers may reach.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    /// Names by which clients call the node over HTTP, besides loopback names and IP addresses;
    /// default none, at most 64.
    pub hosts: HostNames,
    /// Origins whose pages may read and post; default none, at most 64.
    pub origins: Origins,
}

/// Ingress.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestConfig {
    /// Largest request, as received and again when decompressed; default 4 MiB, 64 KiB to 64 MiB.
    pub request_bytes_max: ByteSize,
    /// How long the body of an HTTP request may take to arrive; default 30 s, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub body_within: Duration,
    /// Bytes of a stream that are read before they are acknowledged; default 8 MiB, 64 KiB to 1
    /// GiB.
    pub stream_window_bytes: ByteSize,
    /// How long events wait for others to share a log entry; default 1 ms, 0 to 1 s.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// Size at which a log entry is closed; default 512 KiB, 128 KiB to 2 MiB.
    pub entry_bytes_max: ByteSize,
    /// Maximum log entries of a shard in flight; default 4, 1 to 64.
    pub entries_in_flight: u16,
    /// Time within which a log entry is applied. Later, its senders hear that its outcome is
    /// unknown; default 30 s, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub propose_deadline: Duration,
    /// Maximum size of the events that wait to become log entries, for the whole node; default 32
    /// MiB, 1 MiB to 64 GiB.
    pub queue_bytes_max: ByteSize,
}

/// Memory for learners.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {
    /// Maximum size of all learners in memory; default 40 % of the available memory, 16 MiB to 1
    /// TiB.
    pub learners_bytes_max: MemoryBound,
    /// Above this size, but at most half of the maximum, idle learners are passivated early;
    /// default 20 % of the available memory, 8 MiB to 1 TiB.
    pub learners_bytes_short: MemoryBound,
    /// A learner is passivated once it was unused for this long; default 60 s, 1 s to 1 d.
    #[serde(with = "humantime_serde")]
    pub passivate_after: Duration,
    /// The system's memory pages; default small.
    pub pages: PagesChoice,
}

/// Size of memory pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagesChoice {
    /// The system's default size.
    Small,
    /// Transparent huge pages, if the system provides them.
    Huge,
}

/// Checkpoints and bases.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Time between two checkpoints of a shard; default 30 s, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// A checkpoint is due earlier once this size of events was applied since the last ones, over
    /// all shards; default 512 MiB, 1 MiB to 64 GiB.
    pub log_bytes: ByteSize,
    /// Growth of the log after which a new base is written; default 256 MiB, 1 MiB to 64 GiB.
    pub base_log_bytes: ByteSize,
    /// Largest checkpoint of a group; one that would be larger is refused, and the shard takes no
    /// more events; default 1 GiB, 1 MiB to 64 GiB.
    pub commit_bytes_max: ByteSize,
    /// sled's page cache; default 128 MiB, 1 MiB to 64 GiB.
    pub sled_cache_bytes: ByteSize,
    /// Time between two verifications of all bases; default 1 d, 1 s to 365 d.
    #[serde(with = "humantime_serde")]
    pub scrub_interval: Duration,
}

/// The log under Raft.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Size at which a segment file is closed; default 64 MiB, 4 KiB to 1 GiB.
    pub segment_bytes: ByteSize,
    /// Size of the newest entries that are kept in memory; default 64 MiB, 0 to 64 GiB.
    pub cache_bytes: ByteSize,
    /// Maximum size of the entries that wait to be written; default 64 MiB, 128 KiB to 1 GiB.
    pub queue_bytes_max: ByteSize,
}

/// Raft's timers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaftConfig {
    /// Time between two heartbeats; default 150 ms, 10 ms to 10 s.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// Minimum time without a heartbeat before an election; default 400 ms, 50 ms to 60 s.
    #[serde(with = "humantime_serde")]
    pub election_min: Duration,
    /// Maximum of that time; default 3 s, 50 ms to 2 min.
    #[serde(with = "humantime_serde")]
    pub election_max: Duration,
}

/// Settings of the cluster that are only read when it is founded.
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
    /// See [`Settings::learner_bytes_max`]; default 1 MiB, 64 KiB to 16 MiB.
    pub learner_bytes_max: ByteSize,
}

/// What happens to an event whose window is already settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatePolicyChoice {
    /// It is accepted, and the window is amended.
    Amend,
    /// It becomes a dead letter.
    DeadLetter,
}

/// Log lines of the node, on standard error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogOutputConfig {
    /// Minimum level of the node's own lines; default `info`.
    pub level: LogLevel,
    /// Default `text`.
    pub format: LogFormat,
}

/// Minimum level of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Needs action by an operator.
    Error,
    /// Should be known to an operator.
    Warn,
    /// Rare events.
    Info,
    /// Frequent events.
    Debug,
    /// Everything.
    Trace,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Readable text.
    Text,
    /// One JSON object per line.
    Json,
}

/// The shutdown.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownConfig {
    /// Time for open requests to end; default 10 s, 0 to 10 min.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
}

impl FoundingConfig {
    /// The settings of a cluster that is founded with these values.
    pub fn settings(&self) -> Settings {
        Settings {
            retention_ms: whole_ms(self.retention),
            allowed_lateness_ms: whole_ms(self.allowed_lateness),
            source_delay_ms: whole_ms(self.source_delay),
            late_policy: match self.late_policy {
                LatePolicyChoice::Amend => LatePolicy::Amend,
                LatePolicyChoice::DeadLetter => LatePolicy::DeadLetter,
            },
            learner_bytes_max: self.learner_bytes_max.as_u64(),
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
