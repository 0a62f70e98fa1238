//! Parses how current an answer has to be.

use std::time::Duration;

use homeroom_proto::v1;
use tonic::Status;

use crate::shard::{Consistency, ReadOptions};
use crate::status;

/// Maximum age of an answer if the request gives none, ms.
const DEFAULT_STALENESS_MS: u32 = 1_000;
/// For watches: a state confirmed within the last second.
pub const RECENT: ReadOptions = ReadOptions {
    consistency: Consistency::Bounded(Duration::from_secs(1)),
    fail_when_stale: false,
};

/// The time between two answers of a watch; 0 for the default.
///
/// # Errors
/// When it is shorter than `least_ms`.
pub fn watch_interval(
    requested_ms: u32,
    default_ms: u32,
    least_ms: u32,
) -> Result<Duration, Status> {
    match requested_ms {
        0 => Ok(Duration::from_millis(default_ms.into())),
        ms if ms < least_ms => {
            let description = format!("must be at least {least_ms}");
            Err(status::invalid("min_interval_ms", &description))
        }
        ms => Ok(Duration::from_millis(ms.into())),
    }
}

/// The options for a read of one shard.
///
/// # Errors
/// When the position belongs to another cluster, or is missing although the consistency needs one.
pub fn for_shard(
    read: Option<&v1::ReadOptions>,
    cluster_id: &str,
    shard: u16,
) -> Result<ReadOptions, Status> {
    let default = v1::ReadOptions::default();
    let read = read.unwrap_or(&default);
    let session = position(read, cluster_id, shard)?.map(Consistency::Session);
    let staleness_ms = match read.max_staleness_ms {
        0 => DEFAULT_STALENESS_MS,
        requested => requested,
    };
    let bounded = Consistency::Bounded(Duration::from_millis(staleness_ms.into()));
    let consistency = match v1::Consistency::try_from(read.consistency) {
        Ok(v1::Consistency::Unspecified) => session.unwrap_or(bounded),
        Ok(v1::Consistency::Linearizable) => Consistency::Linearizable,
        Ok(v1::Consistency::Session) => {
            session.ok_or_else(|| status::invalid("read.position", "SESSION needs a position"))?
        }
        Ok(v1::Consistency::Bounded) => bounded,
        Ok(v1::Consistency::Any) => Consistency::Any,
        Err(_) => {
            return Err(status::invalid(
                "read.consistency",
                "not one of the contract's",
            ));
        }
    };
    let fail_when_stale = read.on_stale == i32::from(v1::OnStale::Fail);
    Ok(ReadOptions {
        consistency,
        fail_when_stale,
    })
}

/// The index that a position token requires of a shard; 0 if the token does not contain the shard.
fn position(read: &v1::ReadOptions, cluster_id: &str, shard: u16) -> Result<Option<u64>, Status> {
    let Some(token) = &read.position else {
        return Ok(None);
    };
    if token.cluster_id != cluster_id {
        return Err(status::invalid(
            "read.position",
            "the position is of another cluster",
        ));
    }
    let of_shard = token
        .shards
        .iter()
        .filter(|position| position.shard == u32::from(shard));
    Ok(Some(
        of_shard.map(|position| position.index).max().unwrap_or(0),
    ))
}
