//! Makes commits durable, those of several groups at once.
//!
//! One thread per store. It takes all waiting commits, flushes sled once, fsyncs sled's files, then
//! writes the commits' positions into the heads file and fsyncs that. The order matters: the heads
//! file must never promise more than sled contains.
//!
//! It is a thread of its own because a flush waits without end once one of sled's threads has died.
//! Committers wait for it with a time limit.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::heads::Positions;
use super::health::Health;
use super::sled_guard::guarded;
use crate::store::checkpoint::damage::Damage;
use crate::store::checkpoint::position::Position;
use crate::store::group_id::GroupId;
use crate::store::{files, want};

/// Why a batch of commits is not known to be durable.
#[derive(Debug, Clone)]
pub(crate) enum SyncError {
    Flush(Damage),
    Fsync {
        what: &'static str,
        source: Arc<io::Error>,
    },
    /// No answer within this time, or the thread has ended.
    Stuck(Duration),
}

/// A group, and its new position in the heads file.
type Head = (GroupId, Option<Position>);

struct Request {
    /// The group's new position for the heads file; none for a mere flush.
    head: Option<Head>,
    done: SyncSender<Result<(), SyncError>>,
}

pub(crate) struct Syncer {
    requests: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
}

impl Syncer {
    /// `groups` limits the queue: a group has at most one commit in progress. With an install
    /// beside it, one of the two may wait for a place.
    pub(crate) fn start(
        db: sled::Db,
        files: SledFiles,
        positions: Positions,
        health: Arc<Health>,
        groups: usize,
        patience: Duration,
    ) -> io::Result<Syncer> {
        let (requests, queue) = sync_channel(groups);
        let worker = Worker {
            db,
            files,
            positions,
            health,
            batch_max: groups,
        };
        let thread = std::thread::Builder::new()
            .name("checkpoint-sync".to_owned())
            .spawn(move || worker.run(&queue))?;
        Ok(Syncer {
            requests: Some(requests),
            thread: Some(thread),
            patience,
        })
    }

    /// Returns once everything applied to sled before the call is durable, and then the group's
    /// new position.
    pub(crate) fn make_durable(
        &self,
        group: GroupId,
        position: Option<Position>,
    ) -> Result<(), SyncError> {
        self.request(Some((group, position)))
    }

    /// Returns once everything applied to sled before the call is durable.
    pub(crate) fn flush(&self) -> Result<(), SyncError> {
        self.request(None)
    }

    fn request(&self, head: Option<Head>) -> Result<(), SyncError> {
        let stuck = || SyncError::Stuck(self.patience);
        let (done, outcome) = sync_channel(1);
        let request = Request { head, done };
        let Some(requests) = &self.requests else {
            return Err(stuck());
        };
        requests.send(request).map_err(|_| stuck())?;
        loop {
            match outcome.recv_timeout(self.patience) {
                Ok(outcome) => return outcome,
                // The thread waits for handles, not for one of sled's threads.
                Err(RecvTimeoutError::Timeout) if want::is_waiting() => {}
                Err(_) => return Err(stuck()),
            }
        }
    }

    /// Waits for the end of the thread, which then releases sled.
    pub(crate) fn stop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint store's sync thread panicked");
        }
    }

    /// Leaves the thread running, because it may be stuck.
    pub(crate) fn abandon(&mut self) {
        self.requests = None;
        self.thread = None;
    }
}

struct Worker {
    db: sled::Db,
    files: SledFiles,
    positions: Positions,
    health: Arc<Health>,
    batch_max: usize,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Request>) {
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(self.batch_max - 1));
            let outcome = self.sync(&batch);
            for request in batch {
                // The receiver is gone if the committer gave up waiting.
                let _ = request.done.send(outcome.clone());
            }
        }
        if self.health.is_out_of_use() {
            // Dropping sled flushes it, and with it the rest of a failed commit.
            std::mem::forget(self.db);
        }
    }

    fn sync(&mut self, batch: &[Request]) -> Result<(), SyncError> {
        guarded(|| self.db.flush()).map_err(|fault| SyncError::Flush(fault.into_damage()))?;
        self.files
            .sync()
            .map_err(|e| fsync_error("sled's files", e))?;
        let heads = batch.iter().filter_map(|request| request.head);
        let positions: Vec<Head> = heads.collect();
        if positions.is_empty() {
            return Ok(());
        }
        self.positions
            .write(&positions)
            .map_err(|e| fsync_error("the heads file", e))
    }
}

fn fsync_error(what: &'static str, source: io::Error) -> SyncError {
    let source = Arc::new(source);
    SyncError::Fsync { what, source }
}

/// The files that sled writes, to be fsynced.
///
/// sled's flush on Linux is `sync_file_range`, which flushes neither the file's length nor the
/// disk's own cache. Values too large for sled's log are stored in files under `blobs/`, which sled
/// never syncs. `conf` is written once and `snap.*` is synced by sled, but their names are not.
pub(crate) struct SledFiles {
    db: File,
    dir: PathBuf,
    blobs: PathBuf,
    /// Blobs are never rewritten, so each is synced once. Bounded by the number of files in
    /// `blobs/`.
    blobs_synced: BTreeSet<String>,
}

impl SledFiles {
    /// Opens the files of a sled that was just opened.
    pub(crate) fn open(dir: &Path) -> io::Result<SledFiles> {
        Ok(SledFiles {
            db: File::open(dir.join("db"))?,
            dir: dir.to_path_buf(),
            blobs: dir.join("blobs"),
            blobs_synced: BTreeSet::new(),
        })
    }

    /// Syncs everything, including names: needed once after an open.
    pub(crate) fn sync_all(&mut self) -> io::Result<()> {
        self.sync()?;
        files::if_exists(File::open(self.dir.join("conf")).and_then(|conf| conf.sync_all()))?;
        files::sync_dir(&self.dir)
    }

    /// Syncs the files that a flush may have written.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.db.sync_data()?;
        let present: BTreeSet<String> = files::names_in(&self.blobs)?.into_iter().collect();
        let mut any_new = false;
        for name in present.difference(&self.blobs_synced) {
            // sled may remove a blob at any time, once nothing refers to it.
            let blob = self.blobs.join(name);
            let opened = want::patiently("a checkpoint", || File::open(&blob));
            let synced = opened.and_then(|blob| blob.sync_all());
            files::if_exists(synced)?;
            any_new = true;
        }
        if any_new {
            files::sync_dir(&self.blobs)?;
        }
        self.blobs_synced = present;
        Ok(())
    }
}
