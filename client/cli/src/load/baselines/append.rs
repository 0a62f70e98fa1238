//! Baseline: a loop of appends and syncs, which measures the disk alone.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Batches, Encoded};
use crate::load::latencies::{Latencies, rounded};

/// Encoded batches in memory, written again and again.
const BATCHES: usize = 64;
/// Bytes between two syncs, in the half with larger writes.
const SYNCED_BYTES: usize = 1 << 20;
/// The largest size of the file.
const FILE_BYTES_MAX: usize = 1 << 30;

/// Encoded batches, appended to a file and synced (`fdatasync`).
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppendFsync {
    /// One sync for each batch.
    pub per_batch: Appended,
    /// One sync for each MiB.
    pub per_mib: Appended,
}

/// The figures of one way of syncing.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Appended {
    /// Events made durable a second.
    pub events_per_second: f64,
    /// The number of syncs.
    pub syncs: u64,
    /// The median sync, in ms.
    pub fdatasync_p50_ms: Option<f64>,
    /// In ms.
    pub fdatasync_p99_ms: Option<f64>,
}

/// An empty, unlinked file: it is removed with this process, however that ends.
pub(in crate::load) struct AppendFile(File);

impl AppendFile {
    /// # Errors
    /// When the folder can't hold a file.
    pub(in crate::load) fn create(dir: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(dir);
        let explained = |error: io::Error| {
            let message = format!("no file to append to in {}: {error}", dir.display());
            io::Error::new(error.kind(), message)
        };
        file.map(Self).map_err(explained)
    }
}

/// Runs half of `time` with a sync for each batch, and half with a sync for each MiB.
pub(super) fn measure(
    AppendFile(mut file): AppendFile,
    mut batches: Batches,
    time: Duration,
    stop: &CancellationToken,
) -> io::Result<AppendFsync> {
    let batches: Vec<Encoded> = (0..BATCHES).map(|_| batches.next()).collect();
    let explained = |error: io::Error| {
        let message = format!("appending to a file failed: {error}");
        io::Error::new(error.kind(), message)
    };
    let mut measure = |synced_bytes| {
        append(&mut file, &batches, synced_bytes, (time / 2, stop)).map_err(explained)
    };
    Ok(AppendFsync {
        per_batch: measure(1)?,
        per_mib: measure(SYNCED_BYTES)?,
    })
}

fn append(
    file: &mut File,
    batches: &[Encoded],
    synced_bytes: usize,
    (time, stop): (Duration, &CancellationToken),
) -> io::Result<Appended> {
    let mut syncs = Latencies::default();
    let (mut events, mut unsynced) = (0, (0, 0));
    let mut written = 0;
    let begun = Instant::now();
    for batch in batches.iter().cycle() {
        if begun.elapsed() >= time || written >= FILE_BYTES_MAX || stop.is_cancelled() {
            break;
        }
        file.write_all(&batch.bytes)?;
        written += batch.bytes.len();
        unsynced = (unsynced.0 + batch.bytes.len(), unsynced.1 + batch.events);
        if unsynced.0 < synced_bytes {
            continue;
        }
        let asked = Instant::now();
        file.sync_data()?;
        syncs.record(asked.elapsed(), 1);
        events += unsynced.1;
        unsynced = (0, 0);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let quantiles = syncs.quantiles();
    Ok(Appended {
        events_per_second: rounded(events as f64 / seconds.max(1e-9)),
        syncs: quantiles.samples,
        fdatasync_p50_ms: quantiles.p50_ms,
        fdatasync_p99_ms: quantiles.p99_ms,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use crate::load::baselines::tests::options;

    use super::*;

    #[test]
    fn a_full_disk_says_what_failed() {
        let full = File::options().write(true).open("/dev/full");
        let file = AppendFile(full.expect("a device"));
        let stop = CancellationToken::new();
        let measured = measure(
            file,
            Batches::new(&options()),
            Duration::from_secs(60),
            &stop,
        );
        let error = measured.expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(
            error
                .to_string()
                .starts_with("appending to a file failed: ")
        );
    }
}
