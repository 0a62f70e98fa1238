//! The log of a node, stored in segment files.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use parking_lot::Mutex;

use super::budget::{ByteBudget, QueuePermit};
use super::config::{LogConfig, LogHooks};
use super::engine::{Completion, LogEngine};
use super::entry::{GroupId, GroupState, GroupUsage, LogEntry, Position, SegmentId, Vote};
use super::error::{AppendError, OpenError, ReadError, VerifyError, WriteRefused};
use super::file_read;
use super::file_verify::{self, Pace};
use super::format::record::{Control, EntryFields};
use super::mark::keeper::MarkKeeper;
use super::mark::mark_file;
use super::memory::file_group::{self, FileGroup, FileGroupState};
use super::recover::recovery::{self, DirLock};
use super::segments::segment;
use super::segments::table::SegmentUsage;
use super::stats::LogStats;
use super::write::queue::{Op, PendingEntry, Waiting, Work};
use super::write::shared::Shared;
use super::write::writer::{CACHED_SEGMENTS, Writer};

/// The log of a node: the entries of all groups in one sequence of segment files, written by one
/// thread.
///
/// Memory: queue and cache, both bounded by the configuration, and about 100 bytes per live entry.
/// Dropping the log closes it and waits until it is closed.
pub struct FileLog {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    _lock: DirLock,
}

impl FileLog {
    /// Opens the log, or creates it. Reads the newest segment and the footers of the others; those
    /// without one as a whole, at about 1 GiB per second. So call it off the async threads.
    ///
    /// # Errors
    /// Any damage but a torn tail, which is cut off, and a lost mark. Nothing on disk is changed in
    /// case of an error.
    pub fn open(config: LogConfig, hooks: LogHooks) -> Result<Self, OpenError> {
        let mut recovered = recovery::recover(&config)?;
        let groups = std::mem::take(&mut recovered.groups);
        let shared = Arc::new(Shared::new(
            config,
            hooks,
            recovered.log,
            recovered.table,
            groups,
        ));
        let (contents, tail) = (recovered.contents, recovered.tail);
        let failed = Arc::clone(&shared);
        let mark = MarkKeeper::start(recovered.mark, move |error| failed.mark_failed(error));
        let thread = mark.and_then(|mark| {
            let writer = Writer::new(Arc::clone(&shared), contents, tail, mark);
            let thread = thread::Builder::new().name("log-writer".to_owned());
            thread.spawn(move || writer.run())
        });
        let thread = thread.map_err(|source| OpenError::Io {
            path: shared.config.dir.clone(),
            source,
        })?;
        Ok(Self {
            shared,
            writer: Mutex::new(Some(thread)),
            _lock: recovered.lock,
        })
    }

    /// Whether there is no log in `dir`: neither a segment nor a mark.
    ///
    /// # Errors
    /// When the directory can't be listed.
    pub fn is_missing_in(dir: &Path) -> io::Result<bool> {
        Ok(segment::list(dir)?.is_empty() && !mark_file::path(dir).try_exists()?)
    }

    /// Refuses further writes, makes the waiting ones durable, writes the record of an orderly end,
    /// and waits for all of this.
    ///
    /// # Errors
    /// When the log has failed, now or before.
    pub fn close(&self) -> Result<(), WriteRefused> {
        self.shared.queue.close(WriteRefused::Closed);
        let thread = self.writer.lock().take();
        if let Some(thread) = thread
            // A completion may drop the last handle on the writer thread, which can't join itself.
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            return Err(WriteRefused::Failed);
        }
        match self.shared.queue.refused() {
            Some(WriteRefused::Failed) => Err(WriteRefused::Failed),
            _ => Ok(()),
        }
    }

    /// The log's counters and gauges.
    pub fn stats(&self) -> &LogStats {
        self.shared.refresh_gauges();
        &self.shared.stats
    }

    /// All segments, oldest first.
    pub fn segments(&self) -> Vec<SegmentUsage> {
        self.shared.table.usage()
    }

    /// The segments that a scrub may read, oldest first: those that are sealed, and that readers of
    /// the newest entries do not need in the page cache.
    pub fn scrubbable(&self) -> Vec<SegmentId> {
        let mut segments = self.segments();
        segments.truncate(segments.len().saturating_sub(CACHED_SEGMENTS as usize));
        segments.into_iter().map(|row| row.segment).collect()
    }

    /// Reads a sealed segment from the disk and verifies every record. Waits as `pace` does. A
    /// segment that was deleted is sound.
    ///
    /// # Errors
    /// At the first damaged record, and when the disk or `pace` returns an error.
    pub fn verify(&self, segment: SegmentId, pace: &Pace<'_>) -> Result<(), VerifyError> {
        let is_it = |row: &SegmentUsage| row.segment == segment;
        let row = self.segments().into_iter().find(is_it);
        let (Some(row), Some(file)) = (row, self.shared.table.file(segment)) else {
            return Ok(());
        };
        match file_verify::verify(&file, row.bytes, pace) {
            // Deleted meanwhile.
            Err(_) if self.shared.table.file(segment).is_none() => Ok(()),
            verified => verified,
        }
    }

    /// Changes one group under its lock, so that memory and queue have the same order of writes.
    fn change<T, E: From<WriteRefused>>(
        &self,
        id: GroupId,
        change: impl FnOnce(&Arc<FileGroup>, &mut FileGroupState) -> Result<T, E>,
    ) -> Result<T, E> {
        let group = self.shared.group_or_new(id);
        let mut state = group.lock();
        if state.removed {
            return Err(WriteRefused::Removed.into());
        }
        change(&group, &mut state)
    }

    fn push(
        &self,
        work: impl Into<Work>,
        permit: QueuePermit,
        done: Option<Completion>,
    ) -> Result<(), WriteRefused> {
        let work = work.into();
        let waiting = Waiting {
            done,
            since: (!matches!(work, Work::Barrier)).then(Instant::now),
            permit,
        };
        self.shared.queue.push(Op { work, waiting })
    }

    fn look<T: Default>(&self, id: GroupId, look: impl FnOnce(&FileGroupState) -> T) -> T {
        let group = self.shared.group(id);
        group.map(|group| look(&group.lock())).unwrap_or_default()
    }
}

impl LogEngine for FileLog {
    fn budget(&self) -> &ByteBudget {
        &self.shared.budget
    }

    fn control_budget(&self) -> &ByteBudget {
        &self.shared.control_budget
    }

    fn append(
        &self,
        id: GroupId,
        entries: Vec<LogEntry>,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), AppendError> {
        let pending = entries.iter().map(|entry| pending(id, entry)).collect();
        self.change(id, |group, state| {
            state.log.check_append(id, &entries)?;
            let seq = state.next_seq();
            let work = Work::Append {
                group: Arc::clone(group),
                seq,
                entries: pending,
            };
            self.push(work, permit, Some(done))?;
            state.append(seq, entries);
            Ok(())
        })
    }

    fn save_vote(
        &self,
        id: GroupId,
        vote: Vote,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.change(id, |_, state| {
            self.push(Control::Vote { group: id, vote }, permit, Some(done))?;
            state.log.vote = Some(vote);
            Ok(())
        })
    }

    fn save_committed(&self, id: GroupId, committed: Option<Position>) -> Result<(), WriteRefused> {
        self.change(id, |_, state| {
            self.shared.queue.note_committed(id, committed)?;
            state.log.committed = committed;
            Ok(())
        })
    }

    fn truncate_after(
        &self,
        id: GroupId,
        keep: Option<Position>,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused> {
        self.change(id, |_, state| {
            let Some(next) = state.log.truncation(keep) else {
                return Ok(());
            };
            self.push(Control::Truncate { group: id, next }, permit, None)?;
            let dropped = file_group::live_in(&state.log.truncate(next));
            self.shared.table.drop_live(&dropped);
            Ok(())
        })
    }

    fn purge(&self, id: GroupId, upto: Position, permit: QueuePermit) -> Result<(), WriteRefused> {
        self.change(id, |_, state| {
            if state.log.is_purged(upto) {
                return Ok(());
            }
            // Queued before its entries count as dead: the writer relies on this order when it
            // deletes segments.
            self.push(Control::Purge { group: id, upto }, permit, None)?;
            let dropped = file_group::live_in(&state.log.purge(upto));
            self.shared.table.drop_live(&dropped);
            Ok(())
        })
    }

    fn remove_group(
        &self,
        id: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.change(id, |_, state| {
            self.push(Control::Remove { group: id }, permit, Some(done))?;
            state.removed = true;
            let dropped = file_group::live_in(&state.log.clear());
            self.shared.table.drop_live(&dropped);
            Ok::<_, WriteRefused>(())
        })?;
        self.shared.forget_group(id);
        Ok(())
    }

    /// Waits for the writes of all groups: they share one queue and one fdatasync.
    fn barrier(
        &self,
        _group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.push(Work::Barrier, permit, Some(done))
    }

    fn read(
        &self,
        id: GroupId,
        range: Range<u64>,
        bytes_max: u64,
    ) -> Result<Vec<LogEntry>, ReadError> {
        match self.shared.group(id) {
            Some(group) => file_read::read(&group, range, bytes_max, &self.shared.table),
            None => Ok(Vec::new()),
        }
    }

    fn is_resident(&self, id: GroupId, range: Range<u64>) -> bool {
        let Some(group) = self.shared.group(id) else {
            return true;
        };
        let state = group.lock();
        // Payloads leave memory in the order of their indexes: if the first one is in memory, all
        // are.
        state
            .log
            .range(range)
            .next()
            .is_none_or(|(_, slot)| slot.payload.is_some())
    }

    fn state(&self, id: GroupId) -> GroupState {
        self.look(id, |state| state.log.state())
    }

    fn usage(&self, id: GroupId) -> GroupUsage {
        self.look(id, FileGroupState::usage)
    }

    fn segments(&self) -> Vec<SegmentUsage> {
        Self::segments(self)
    }

    fn groups(&self) -> Vec<GroupId> {
        self.shared.group_ids()
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the log was not closed in order");
        }
    }
}

impl fmt::Debug for FileLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLog")
            .field("dir", &self.shared.config.dir)
            .finish_non_exhaustive()
    }
}

fn pending(group: GroupId, entry: &LogEntry) -> PendingEntry {
    let fields = EntryFields {
        group,
        position: entry.position,
        tag: entry.tag,
    };
    PendingEntry {
        fields,
        payload: entry.payload.clone(),
        crc: fields.crc(&entry.payload),
    }
}
