//! openraft's log storage for one group, over the shared log.
//!
//! Must not know: the engine of the log, the meaning of a proposal's bytes.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use futures::stream::{self, Stream};
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::alias::{EntryOf, LogIdOf, VoteOf};
use openraft::{OptionalSend, entry::RaftEntry};
use tokio::sync::oneshot;

use super::codec;
use crate::raft::types::TypeConfig;
use crate::store::log::{self, CONTROL_BYTES, GroupId, LogEngine, LogEntry};

/// The log of one Raft group. Clones share it; only one of them may write.
///
/// `E` may be `dyn LogEngine`.
#[derive(Debug)]
pub struct LogStore<E: ?Sized> {
    engine: Arc<E>,
    group: GroupId,
    read_bytes_max: u64,
}

impl<E: ?Sized> Clone for LogStore<E> {
    fn clone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            ..*self
        }
    }
}

impl<E: LogEngine + ?Sized> LogStore<E> {
    /// The log of `group`. Reads for replication return at most `read_bytes_max` bytes, or one
    /// entry if that is larger, to fit the network's message limit.
    pub fn new(engine: Arc<E>, group: GroupId, read_bytes_max: u64) -> Self {
        Self {
            engine,
            group,
            read_bytes_max,
        }
    }

    /// Reads entries on a blocking thread, unless they are in memory.
    async fn read(
        &self,
        range: Range<u64>,
        bytes_max: u64,
    ) -> io::Result<Vec<EntryOf<TypeConfig>>> {
        let entries = if self.engine.is_resident(self.group, range.clone()) {
            self.engine.read(self.group, range, bytes_max)
        } else {
            let Self { engine, group, .. } = self.clone();
            let reading = tokio::task::spawn_blocking(move || engine.read(group, range, bytes_max));
            reading.await.map_err(io::Error::other)?
        };
        let entries = entries.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        entries.into_iter().map(codec::decode_entry).collect()
    }

    /// A permit for a write without entries. Its budget is apart from that of entries: a queue full
    /// of these keeps no vote from being handed over.
    async fn control_permit(&self) -> io::Result<log::QueuePermit> {
        let budget = self.engine.control_budget();
        budget
            .acquire(CONTROL_BYTES)
            .await
            .map_err(io::Error::other)
    }
}

impl<E: LogEngine + ?Sized> RaftLogReader<TypeConfig> for LogStore<E> {
    async fn try_get_log_entries<R>(
        &mut self,
        range: R,
    ) -> Result<Vec<EntryOf<TypeConfig>>, io::Error>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.read(half_open(&range), u64::MAX).await
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<TypeConfig>>, io::Error> {
        Ok(self.engine.state(self.group).vote.map(codec::from_vote))
    }

    /// In pieces, so that a replica that is far behind does not load its whole backlog into memory.
    async fn entries_stream<R>(
        &mut self,
        range: R,
    ) -> impl Stream<Item = Result<EntryOf<TypeConfig>, io::Error>> + OptionalSend
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let pieces = Pieces {
            store: self.clone(),
            rest: half_open(&range),
            piece: Vec::new().into_iter(),
        };
        Box::pin(stream::unfold(pieces, Pieces::next))
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<EntryOf<TypeConfig>>, io::Error> {
        self.read(start..end, self.read_bytes_max).await
    }
}

impl<E: LogEngine + ?Sized> RaftLogStorage<TypeConfig> for LogStore<E> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let state = self.engine.state(self.group);
        Ok(LogState {
            last_purged_log_id: state.purged.map(codec::from_position),
            last_log_id: state.last.map(codec::from_position),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<TypeConfig>) -> Result<(), io::Error> {
        let permit = self.control_permit().await?;
        let (send, durable) = oneshot::channel();
        // The receiver is dropped only when this call is cancelled.
        let done = Box::new(move |result| drop(send.send(result)));
        self.engine
            .save_vote(self.group, codec::to_vote(vote), permit, done)
            .map_err(io::Error::other)?;
        durable.await.map_err(io::Error::other)?
    }

    /// Nothing more than the state machine has: openraft would apply the rest while it starts, and
    /// neither vote nor append meanwhile. The leader tells what is committed.
    async fn read_committed(&mut self) -> Result<Option<LogIdOf<TypeConfig>>, io::Error> {
        Ok(None)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries
            .into_iter()
            .map(codec::encode_entry)
            .collect::<io::Result<Vec<LogEntry>>>()?;
        let budget = self.engine.budget();
        let permit = budget.acquire(log::append_bytes(&entries)).await;
        let permit = permit.map_err(io::Error::other)?;
        let done = Box::new(move |result| callback.io_completed(result));
        self.engine
            .append(self.group, entries, permit, done)
            .map_err(io::Error::other)
    }

    async fn truncate_after(
        &mut self,
        last_log_id: Option<LogIdOf<TypeConfig>>,
    ) -> Result<(), io::Error> {
        let permit = self.control_permit().await?;
        let keep = last_log_id.map(codec::to_position);
        self.engine
            .truncate_after(self.group, keep, permit)
            .map_err(io::Error::other)
    }

    async fn purge(&mut self, log_id: LogIdOf<TypeConfig>) -> Result<(), io::Error> {
        let permit = self.control_permit().await?;
        self.engine
            .purge(self.group, codec::to_position(log_id), permit)
            .map_err(io::Error::other)
    }
}

/// A range of entries, read piece by piece.
struct Pieces<E: ?Sized> {
    store: LogStore<E>,
    rest: Range<u64>,
    piece: std::vec::IntoIter<EntryOf<TypeConfig>>,
}

impl<E: LogEngine + ?Sized> Pieces<E> {
    async fn next(mut self) -> Option<(Result<EntryOf<TypeConfig>, io::Error>, Self)> {
        if self.piece.len() == 0 && !self.rest.is_empty() {
            match self
                .store
                .read(self.rest.clone(), self.store.read_bytes_max)
                .await
            {
                Ok(entries) => self.piece = entries.into_iter(),
                Err(error) => {
                    self.rest = 0..0;
                    return Some((Err(error), self));
                }
            }
        }
        let entry = self.piece.next()?;
        self.rest.start = entry.index() + 1;
        Some((Ok(entry), self))
    }
}

fn half_open(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}
