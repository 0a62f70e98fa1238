//! openraft's own suite for log storage, with both engines. Its sleeps pass in simulated time.

use std::sync::Arc;

use bytes::Bytes;
use homeroom_node::raft::LogStore;
use homeroom_node::raft::{Proposal, TypeConfig};
use homeroom_node::store::log::{FileLog, Flushing, LogConfig, LogHooks, MemoryLog};
use openraft::entry::RaftEntry;
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::alias::{EntryOf, LeaderIdOf, LogIdOf};
use openraft::{EntryPayload, StorageError};
use tempfile::TempDir;

use crate::machine::Machine;

/// Size of one piece that is read for replication; small, so that a range takes several.
const READ_BYTES_MAX: u64 = 300;

struct FileStores;

impl StoreBuilder<TypeConfig, LogStore<FileLog>, Machine, TempDir> for FileStores {
    async fn build(
        &self,
    ) -> Result<(TempDir, LogStore<FileLog>, Machine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut config = LogConfig::new(dir.path());
        // Entries leave memory at once and span several segments, so the suite reads them from
        // disk.
        config.segment_bytes = 4096;
        config.cache_bytes = 0;
        let hooks = LogHooks::new(Arc::new(|error| panic!("the log failed: {error}")));
        let log = FileLog::open(config, hooks).expect("a new log opens");
        Ok((
            dir,
            LogStore::new(Arc::new(log), 7, READ_BYTES_MAX),
            Machine::default(),
        ))
    }
}

struct MemoryStores;

impl StoreBuilder<TypeConfig, LogStore<MemoryLog>, Machine, ()> for MemoryStores {
    async fn build(&self) -> Result<((), LogStore<MemoryLog>, Machine), StorageError<TypeConfig>> {
        let log = MemoryLog::new(Flushing::AtOnce, 1 << 20);
        Ok((
            (),
            LogStore::new(Arc::new(log), 7, READ_BYTES_MAX),
            Machine::default(),
        ))
    }
}

#[tokio::test(start_paused = true)]
async fn the_file_log_passes_openrafts_suite() {
    Suite::test_all(FileStores).await.expect("the suite passes");
}

#[tokio::test(start_paused = true)]
async fn the_memory_log_passes_openrafts_suite() {
    Suite::test_all(MemoryStores)
        .await
        .expect("the suite passes");
}

fn log_id(index: u64) -> LogIdOf<TypeConfig> {
    LogIdOf::<TypeConfig>::new(
        LeaderIdOf::<TypeConfig> {
            term: 3,
            node_id: 9,
        },
        index,
    )
}

#[tokio::test]
async fn proposals_come_back_byte_for_byte_after_reopening() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let open = || {
        let log = crate::support::open(LogConfig::new(dir.path())).expect("the log opens");
        LogStore::new(Arc::new(log), 7, READ_BYTES_MAX)
    };
    let bodies = [
        Bytes::new(),
        Bytes::from_static(b"one"),
        Bytes::from(vec![7; 100_000]),
    ];
    let mut store = open();
    let entries = (1..).zip(&bodies).map(|(index, body)| {
        let payload = EntryPayload::Normal(Proposal(body.clone()));
        EntryOf::<TypeConfig>::new(log_id(index), payload)
    });
    store
        .blocking_append(entries)
        .await
        .expect("the entries are durable");
    // openraft must not see the commit.
    store
        .save_committed(Some(log_id(9)))
        .await
        .expect("the log is open");
    store.purge(log_id(1)).await.expect("the log is open");
    drop(store);

    let mut store = open();
    let committed = store.read_committed().await.expect("readable");
    assert_eq!(
        committed, None,
        "openraft would apply up to it while it starts"
    );
    let entries = store.try_get_log_entries(..).await.expect("readable");
    let found = entries
        .iter()
        .map(|entry| (entry.log_id, &entry.payload))
        .collect::<Vec<_>>();
    let payloads = bodies.map(|body| EntryPayload::Normal(Proposal(body)));
    assert_eq!(
        found,
        [(log_id(2), &payloads[1]), (log_id(3), &payloads[2])]
    );
}
