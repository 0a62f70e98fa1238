//! The fields of the configuration, and their valid values.

use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;
use figment::value::Value;

use super::share::Share;
use super::web::{HostNames, Origins};

/// One field of the configuration.
#[derive(Debug)]
pub(super) struct Field {
    /// `section.name`.
    pub path: &'static str,
    /// Its valid values.
    pub kind: Kind,
}

/// The valid values of a field. Bounds are written as they are shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A path that is not empty.
    Path,
    /// An IP address and a port.
    Address,
    /// A whole number.
    Integer(i128, i128),
    /// Bytes: a whole number, or a text with a unit.
    Size(&'static str, &'static str),
    /// The same, or a share of the available memory in per cent.
    SizeOrShare(&'static str, &'static str),
    /// A text with a unit of time.
    Time(&'static str, &'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Host names, separated by commas.
    Hosts,
    /// Origins of web pages, separated by commas.
    WebOrigins,
}

use Kind::{Address, Choice, Hosts, Integer, Path, Size, SizeOrShare, Time, WebOrigins};

/// All fields, in the order in which they are shown.
pub(super) const FIELDS: &[Field] = &[
    field("node.data_dir", Path),
    field("node.shards", Integer(1, 256)),
    field("node.runtime_threads", Integer(0, 256)),
    field("listen.grpc", Address),
    field("listen.http", Address),
    field("listen.http_connections_max", Integer(1, 65536)),
    field("listen.grpc_connections_max", Integer(1, 65536)),
    field("listen.grpc_calls_max", Integer(1, 1048576)),
    field("listen.grpc_connection_calls_max", Integer(1, 65536)),
    field("listen.first_call_within", Time("100ms", "10m")),
    field("listen.stalled_after", Time("100ms", "10m")),
    field("web.hosts", Hosts),
    field("web.origins", WebOrigins),
    field("ingest.request_bytes_max", Size("64KiB", "64MiB")),
    field("ingest.body_within", Time("100ms", "10m")),
    field("ingest.stream_window_bytes", Size("64KiB", "1GiB")),
    field("ingest.linger", Time("0ms", "1s")),
    field("ingest.entry_bytes_max", Size("128KiB", "2MiB")),
    field("ingest.entries_in_flight", Integer(1, 64)),
    field("ingest.propose_deadline", Time("100ms", "10m")),
    field("ingest.queue_bytes_max", Size("1MiB", "64GiB")),
    field("memory.learners_bytes_max", SizeOrShare("16MiB", "1TiB")),
    field("memory.learners_bytes_short", SizeOrShare("8MiB", "1TiB")),
    field("memory.passivate_after", Time("1s", "1d")),
    field("memory.pages", Choice(&["small", "huge"])),
    field("checkpoint.interval", Time("100ms", "10m")),
    field("checkpoint.log_bytes", Size("1MiB", "64GiB")),
    field("checkpoint.base_log_bytes", Size("1MiB", "64GiB")),
    field("checkpoint.commit_bytes_max", Size("1MiB", "64GiB")),
    field("checkpoint.sled_cache_bytes", Size("1MiB", "64GiB")),
    field("checkpoint.scrub_interval", Time("1s", "365d")),
    field("log.segment_bytes", Size("4KiB", "1GiB")),
    field("log.cache_bytes", Size("0B", "64GiB")),
    field("log.queue_bytes_max", Size("128KiB", "1GiB")),
    field("raft.heartbeat", Time("10ms", "10s")),
    field("raft.election_min", Time("50ms", "60s")),
    field("raft.election_max", Time("50ms", "2m")),
    field("founding.retention", Time("1h", "400d")),
    field("founding.allowed_lateness", Time("0s", "1h")),
    field("founding.source_delay", Time("0s", "1h")),
    field("founding.late_policy", Choice(&["amend", "dead_letter"])),
    field("founding.learner_bytes_max", Size("64KiB", "16MiB")),
    field(
        "log_output.level",
        Choice(&["error", "warn", "info", "debug", "trace"]),
    ),
    field("log_output.format", Choice(&["text", "json"])),
    field("shutdown.drain", Time("0s", "10m")),
];

const fn field(path: &'static str, kind: Kind) -> Field {
    Field { path, kind }
}

/// The kind of a field; `None` if there is no such field.
pub(super) fn kind_of(path: &str) -> Option<Kind> {
    let field = FIELDS.iter().find(|field| field.path == path)?;
    Some(field.kind)
}

impl Kind {
    /// Whether the value is valid for the field.
    pub(super) fn accepts(self, value: &Value) -> bool {
        match self {
            Path => value.as_str().is_some_and(|text| !text.is_empty()),
            Address => value
                .as_str()
                .is_some_and(|text| text.parse::<SocketAddr>().is_ok()),
            Integer(least, most) => {
                integer_of(value).is_some_and(|number| (least..=most).contains(&number))
            }
            Size(least, most) => size_of(value).is_some_and(|size| {
                (parse_size(least)..=parse_size(most)).contains(&Some(i128::from(size.as_u64())))
            }),
            SizeOrShare(least, most) => {
                let share = value.as_str().and_then(Share::parse);
                share.is_some() || Size(least, most).accepts(value)
            }
            Time(least, most) => value
                .as_str()
                .and_then(parse_time)
                .is_some_and(|time| (parse_time(least)..=parse_time(most)).contains(&Some(time))),
            Choice(words) => value.as_str().is_some_and(|text| words.contains(&text)),
            Hosts => value
                .as_str()
                .is_some_and(|t| HostNames::parse(t).is_some()),
            WebOrigins => value.as_str().is_some_and(|t| Origins::parse(t).is_some()),
        }
    }

    /// The valid values in words.
    pub(super) fn bounds(self) -> String {
        match self {
            Path => "a path".to_owned(),
            Address => {
                "an IP address and a port, like \"127.0.0.1:7400\" or \"[::]:7400\"".to_owned()
            }
            Integer(least, most) => format!("a whole number from {least} to {most}"),
            Size(least, most) => {
                format!("a size from {least} to {most}, in bytes or like \"{most}\"")
            }
            SizeOrShare(least, most) => {
                let (size, share) = (Size(least, most).bounds(), Share::BOUNDS);
                format!("{size}, or a share of the memory from {share}, like \"40%\"")
            }
            Time(least, most) => {
                format!("a time from {least} to {most}, with its unit, like \"{most}\"")
            }
            Choice(words) => format!("one of \"{}\"", words.join("\", \"")),
            Hosts => HostNames::BOUNDS.to_owned(),
            WebOrigins => Origins::BOUNDS.to_owned(),
        }
    }
}

fn integer_of(value: &Value) -> Option<i128> {
    let number = value.to_num()?;
    let unsigned = number
        .to_u128_lossy()
        .and_then(|number| i128::try_from(number).ok());
    number.to_i128().or(unsigned)
}

fn size_of(value: &Value) -> Option<ByteSize> {
    match value.as_str() {
        Some(text) => text.parse().ok(),
        None => u64::try_from(integer_of(value)?).ok().map(ByteSize),
    }
}

fn parse_size(text: &str) -> Option<i128> {
    let size: ByteSize = text.parse().ok()?;
    Some(i128::from(size.as_u64()))
}

fn parse_time(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}
