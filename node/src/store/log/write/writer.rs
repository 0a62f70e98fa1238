//! The writer thread: drains the queue, writes a batch, makes it durable with one fdatasync, moves
//! the mark, calls the completions.
//!
//! Must not know: how entries are read, or what waits for a completion.

use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use super::queue::{Drained, Op, PendingEntry, Waiting, Work};
use super::shared::Shared;
use super::tail::Tail;
use crate::store::log::entry::SegmentId;
use crate::store::log::format::contents::{RecordPlace, SegmentContents};
use crate::store::log::format::headers::{self, FileHeader};
use crate::store::log::format::record::Control;
use crate::store::log::mark::keeper::MarkKeeper;
use crate::store::log::memory::cache_window::CacheWindow;
use crate::store::log::memory::file_group::{DiskPlace, FileGroup};
use crate::store::log::segments::preallocator::Preallocator;
use crate::store::log::segments::segment;

/// Size that is assumed for a control record. The few larger ones may exceed the segment's size a
/// little.
const CONTROL_RECORD_BYTES: u64 = 128;

/// Share of a segment that is prepared for its footer on top of its size. A larger footer makes the
/// file grow.
const FOOTER_SHARE: u64 = 512;

/// Niceness of the writer thread. It mostly waits for the disk, and every write waits for it. With
/// two busy cores, this halves the duration of an append.
const NICENESS: i32 = -10;

/// Segments that may stay in the page cache, the active one included. Readers that are close to the
/// end read only those; more would take memory from others without use.
pub(crate) const CACHED_SEGMENTS: SegmentId = 3;

/// The writer. No other code writes or deletes segments of an open log.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// The active segment's contents as of the last written record; they may be behind what callers
    /// see.
    contents: SegmentContents,
    tail: Tail,
    mark: MarkKeeper,
    cache: CacheWindow,
    /// Drained writes that are not in the batch yet. The write in progress is already in `waiting`.
    backlog: VecDeque<Op>,
    /// Entries of the batch, which become live once it is durable.
    appended: Vec<Appended>,
    /// Writes that wait for the batch; the write in progress is the last one.
    waiting: Vec<Waiting>,
    /// Whether a record behind the last durable batch proves that it was durable.
    vouched: bool,
    /// Prepares the file of the next segment.
    preallocator: Preallocator,
}

struct Appended {
    group: Arc<FileGroup>,
    seq: u64,
    records: Vec<(u64, DiskPlace)>,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        contents: SegmentContents,
        tail: Tail,
        mark: MarkKeeper,
    ) -> Self {
        let cache = CacheWindow::new(shared.config.cache_bytes);
        let bytes = shared.config.segment_bytes;
        let bytes = bytes + bytes / FOOTER_SHARE;
        let preallocator = Preallocator::new(&shared.config.dir, bytes);
        let (backlog, appended, waiting) = Default::default();
        Self {
            shared,
            contents,
            tail,
            mark,
            cache,
            backlog,
            appended,
            waiting,
            vouched: false,
            preallocator,
        }
    }

    /// Writes until the queue is closed or the disk fails.
    pub(crate) fn run(mut self) {
        // On Linux the niceness is that of the calling thread. Without the right to raise its
        // priority, the thread runs at the default one.
        let _ = rustix::process::nice(NICENESS);
        let result = panic::catch_unwind(AssertUnwindSafe(|| self.write_all()));
        let result = result.unwrap_or_else(|_| Err(io::Error::other("the log's writer panicked")));
        self.shared.budget.close();
        self.shared.control_budget.close();
        if let Err(error) = result {
            self.fail(&error);
        }
    }

    fn write_all(&mut self) -> io::Result<()> {
        loop {
            if !self.vouched && self.shared.queue.is_idle() {
                self.vouch()?;
            }
            // Taken before the drain, so that the writes that made these segments dead are in this
            // batch or durable already.
            let retired = self.shared.table.retirable(self.tail.segment());
            let Drained {
                ops,
                committed,
                closing,
            } = self.shared.queue.drain(retired.is_empty());
            self.backlog.extend(ops);
            self.write_backlog()?;
            for (group, committed) in committed {
                // A late commit does not bring back a group that was removed.
                let known = self.contents.ledger.groups.get(&group);
                if known.is_some_and(|meta| meta.committed != committed) {
                    self.control(&Control::Committed { group, committed })?;
                }
            }
            if !retired.is_empty() {
                let segments = retired.clone();
                self.control(&Control::Retired { segments })?;
            }
            if closing {
                self.control(&Control::Closed)?;
            }
            // Without a write, what waits is only barriers, which must not cause one.
            let has_writes = self.tail.has_writes();
            if has_writes {
                self.make_durable()?;
            }
            self.complete(0);
            self.retire(&retired)?;
            if closing {
                return self.tail.trim();
            }
            if has_writes {
                self.preallocate()?;
            }
        }
    }

    fn write_backlog(&mut self) -> io::Result<()> {
        while let Some(op) = self.backlog.pop_front() {
            // Added before the write, so that an error of the disk reaches its completion.
            self.waiting.push(op.waiting);
            match op.work {
                Work::Append {
                    group,
                    seq,
                    entries,
                } => self.append(&group, seq, &entries)?,
                Work::Control(control) => self.control(&control)?,
                Work::Barrier => {}
            }
        }
        Ok(())
    }

    fn append(
        &mut self,
        group: &Arc<FileGroup>,
        seq: u64,
        entries: &[PendingEntry],
    ) -> io::Result<()> {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            if self.is_full_for(headers::entry_record_len(entry.payload.len())) {
                // A part of the append becomes durable with the full segment; its completion waits
                // for the rest.
                let records = std::mem::take(&mut records);
                self.appended.push(Appended {
                    group: Arc::clone(group),
                    seq,
                    records,
                });
                self.rotate()?;
            }
            let place = self.tail.entry(entry)?;
            let DiskPlace { offset, len, .. } = place;
            let follows = self
                .contents
                .entry(entry.fields, RecordPlace { offset, len });
            debug_assert!(follows, "the group's log checks that entries follow");
            records.push((entry.fields.position.index, place));
        }
        self.appended.push(Appended {
            group: Arc::clone(group),
            seq,
            records,
        });
        Ok(())
    }

    fn control(&mut self, control: &Control) -> io::Result<()> {
        if self.is_full_for(CONTROL_RECORD_BYTES) {
            self.rotate()?;
        }
        self.contents.control(control);
        self.tail.control(control)
    }

    /// Whether a record must go to the next segment. A fresh segment takes a record of any size.
    fn is_full_for(&self, bytes: u64) -> bool {
        !self.tail.is_fresh()
            && u64::from(self.tail.len()) + bytes > self.shared.config.segment_bytes
    }

    /// Starts the preallocation of the next segment's file, between two batches, once this segment
    /// has some content. A segment that was not preallocated itself is left early for one that is.
    fn preallocate(&mut self) -> io::Result<()> {
        if u64::from(self.tail.len()) < self.shared.config.preallocate_from_bytes {
            return Ok(());
        }
        if self.preallocator.is_wanted() {
            let unread = self.tail.segment().checked_sub(CACHED_SEGMENTS);
            let unread = unread.map(|id| segment::path(&self.shared.config.dir, id));
            self.preallocator.begin(unread);
        }
        if !self.tail.is_preallocated() && self.preallocator.is_ready() {
            self.rotate()?;
        }
        Ok(())
    }

    /// Begins the next segment, once everything in this one is durable, its footer included. The
    /// write in progress continues in the new one.
    fn rotate(&mut self) -> io::Result<()> {
        self.tail.footer(&self.contents)?;
        self.make_durable()?;
        self.complete(1);
        let header = FileHeader {
            segment: self.tail.segment() + 1,
            log: self.shared.log,
        };
        self.contents.seal(self.tail.segment(), self.tail.len());
        self.tail.trim()?;
        let full = Arc::clone(self.tail.file());
        self.tail = Tail::create(
            &self.shared.config.dir,
            header,
            self.tail.batch(),
            &self.contents.ledger.head(),
            &mut self.preallocator,
        )?;
        full.release();
        self.shared
            .table
            .insert(Arc::clone(self.tail.file()), u64::from(self.tail.len()));
        Ok(())
    }

    /// Makes the batch durable, and begins the next one.
    fn make_durable(&mut self) -> io::Result<()> {
        let bytes = self.tail.batch_bytes();
        self.tail.flush()?;
        self.sync()?;
        // Before the completions: what they acknowledge is vouched for.
        self.mark.set(self.tail.mark(self.shared.log))?;
        self.tail.next_batch();
        self.vouched = false;
        let appended = self.appended.iter();
        let entries = appended.map(|append| append.records.len() as u64).sum();
        self.shared.stats.synced(bytes, entries);
        let (segment, len) = (self.tail.segment(), u64::from(self.tail.len()));
        self.shared.table.set_bytes(segment, len);
        Ok(())
    }

    /// Calls the waiting completions once everything is durable, except the last `unfinished` ones:
    /// these writes continue in the next segment.
    fn complete(&mut self, unfinished: usize) {
        for append in self.appended.drain(..) {
            let (group, seq) = (&append.group, append.seq);
            group.written(seq, &append.records, &self.shared.table);
            for (index, place) in append.records {
                self.cache.push(group, seq, index, place.len);
            }
        }
        self.shared.stats.set_cached(self.cache.bytes());
        let reported = self.waiting.len().saturating_sub(unfinished);
        for waiting in self.waiting.drain(..reported) {
            // Released before the completion is called, which may write again at once.
            drop(waiting.permit);
            // A purge or a truncation has no completion, and its duration is not measured.
            let Some(done) = waiting.done else { continue };
            if let (Some(appended), Some(since)) = (&self.shared.hooks.appended, waiting.since) {
                appended(since.elapsed());
            }
            done(Ok(()));
        }
    }

    fn sync(&self) -> io::Result<()> {
        if let Some(fault) = &self.shared.hooks.sync_fault {
            fault()?;
        }
        let start = Instant::now();
        self.tail.file().sync()?;
        if let Some(fsynced) = &self.shared.hooks.fsynced {
            fsynced(start.elapsed());
        }
        Ok(())
    }

    /// Writes a record that proves that everything so far is durable, without an fdatasync of its
    /// own. Damage to the last batch while the node is idle is then not taken for a torn tail. The
    /// record begins the next batch.
    fn vouch(&mut self) -> io::Result<()> {
        self.vouched = true;
        if self.is_full_for(CONTROL_RECORD_BYTES) {
            return Ok(());
        }
        self.tail.control(&Control::Vouch)?;
        self.tail.flush()
    }

    /// Deletes segments after a record of their retirement is durable.
    fn retire(&self, segments: &[SegmentId]) -> io::Result<()> {
        self.shared.table.remove(segments);
        segment::delete(&self.shared.config.dir, segments)
    }

    fn fail(&mut self, error: &io::Error) {
        tracing::error!(%error, "the log has failed: the process must stop");
        // Called first: the others could report only that the log is closed, but not why.
        (self.shared.hooks.fatal)(error);
        let refused = self.shared.queue.fail();
        let waiting = self.waiting.drain(..).map(|waiting| waiting.done);
        let ops = self
            .backlog
            .drain(..)
            .chain(refused.ops)
            .map(|op| op.waiting.done);
        for done in waiting.chain(ops).flatten() {
            done(Err(io::Error::new(error.kind(), error.to_string())));
        }
    }
}
