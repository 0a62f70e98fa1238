//! What captures of a shard contain.

use std::path::Path;

use homeroom_core::{
    Event, EventType, Settings,
    entry::{RecordBuffer, encode_batch},
    learner::{Learner, StatePart},
    shard::Outcome,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::*;
use crate::{
    clock::{LogClock, SystemTimeSource},
    learner::{Gathered, NoBlocks, pack, pack_key},
    shard::{residency::LearnerMemory, view::View},
    store::{
        Background,
        checkpoint::{CheckpointOptions, Commit, Position, RecoveryVisitor},
    },
};

const PACKED_AS_OF: u64 = 3;

struct Supervisor;

impl Actor for Supervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

struct Ignored;

impl ShardEvents for Ignored {
    fn applied(&self, outcomes: &[Outcome], _amended: usize) {
        assert_eq!(outcomes, [Outcome::Accepted]);
    }
    fn activated(&self, _learners: usize) {}
    fn retired(&self, _learners: usize) {}
    fn block_read(&self) {}
    fn windows_closed(&self, _windows: u64) {}
    fn windows_corrected(&self, _windows: usize) {}
}

fn open(dir: &Path, visitor: Arc<dyn RecoveryVisitor>) -> Arc<CheckpointStore> {
    let options = CheckpointOptions::default();
    let opened = CheckpointStore::open_recovered(dir, 1, b"c", &options, visitor);
    Arc::new(opened.expect("the store opens").0)
}

fn commit(store: &CheckpointStore, index: u64, changes: Vec<Change>) {
    let (term, node) = (1, 1);
    let commit = Commit {
        position: Position { term, node, index },
        meta: Vec::new(),
        changes,
    };
    store.commit(0, commit).expect("it is durable");
}

fn click(user_id: &str, index: u64) -> Event<'_> {
    let at_ms = 1_700_000_000_000 + index.cast_signed();
    Event::bare(
        user_id,
        format!("event-{index}"),
        at_ms,
        EventType::Click,
        "lms",
    )
}

/// The head of a learner with one event.
fn head(user_id: &str) -> Vec<u8> {
    let event = click(user_id, PACKED_AS_OF);
    let mut encoded = Vec::new();
    event.encode_into(&mut encoded);
    let context = EntryContext {
        index: PACKED_AS_OF,
        block_events: 64,
        log_time_ms: event.timestamp_ms,
        watermark_ms: event.timestamp_ms,
        floor_ms: 0,
        settings: Arc::default(),
    };
    let mut learner = Learner::new(user_id);
    let applied = learner.apply(&context, &event, &encoded);
    applied.expect("all of it is in memory");
    let changes = learner.take_changes(false);
    let mut heads = changes.into_iter().filter(|it| it.part == StatePart::Head);
    let head = heads.next().and_then(|head| head.bytes);
    head.expect("a head")
}

async fn machine(store: &Arc<CheckpointStore>, unpacking: Vec<Change>) -> ShardMachine {
    let state = ShardState::new(Settings::default());
    let clock = LogClock::new(Arc::new(SystemTimeSource));
    let (views, _) = ViewPublisher::new(View::of(&state, PACKED_AS_OF), clock);
    let (supervisor, _) = Actor::spawn(None, Supervisor, ()).await.expect("an actor");
    let background = Background::start("background").expect("a thread");
    ShardMachine {
        shard: 0,
        state,
        directory: Directory::new(Arc::new(LearnerMemory::of(1 << 30, 0))),
        store: Arc::clone(store),
        blocks: Arc::new(NoBlocks),
        views,
        watchers: Watchers::default(),
        supervisor: supervisor.get_cell(),
        events: Arc::new(Ignored),
        leads: Arc::default(),
        recovered: Arc::new(RecoveredLearners::new(1)),
        passivate_after_ms: 0,
        sweeper: Sweeper::new(Arc::clone(store), background, 0),
        unpacking,
        slicer: Slicer::default(),
        changed: Vec::new(),
    }
}

/// Applies an event of Ada.
async fn apply(machine: &mut ShardMachine, index: u64) {
    let event = click("ada", index);
    let mut records = RecordBuffer::default();
    records.push_event(&event);
    let entry = encode_batch(event.timestamp_ms, std::iter::once(&records));
    let applied = machine.apply(index, entry.into()).await;
    applied.expect("it is applied");
}

/// The number of events of each head that has its own record, with the index it is as of. Nothing
/// else may be stored.
fn stored_heads(store: &CheckpointStore) -> Vec<(String, u64, u64)> {
    let records = store.scan(0, b"").expect("the store is readable");
    let heads = records.map(|record| {
        let record = record.expect("it is intact");
        match parse_key(record.key()) {
            Some(RecordKey::Learner {
                user_id,
                part: StatePart::Head,
                ..
            }) => {
                let gathered = Gathered::begin(user_id, record.payload());
                assert!(gathered.was_active());
                let as_of = gathered.as_of();
                let stored = gathered.restore_partial().expect("a learner");
                (user_id.to_owned(), as_of, stored.learner.events())
            }
            other => panic!("{other:?} is stored"),
        }
    });
    let mut heads: Vec<_> = heads.collect();
    // Keys begin with a hash of the id.
    heads.sort();
    heads
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_capture_unpacks_heads_before_it_stores_newer_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    let heads = ["ada", "bob"].map(|user_id| (user_id, head(user_id)));
    let heads = heads
        .each_ref()
        .map(|(user_id, head)| (*user_id, &head[..]));
    let store = open(dir.path(), Arc::new(()));
    let packed = (pack_key(0), Some(pack(PACKED_AS_OF, &heads)));
    commit(&store, PACKED_AS_OF, vec![packed]);
    drop(store);

    let recovered = Arc::new(RecoveredLearners::new(1));
    let store = open(dir.path(), recovered.clone());
    let (learners, unpacking) = recovered.take(0).expect("they can be read");
    let mut machine = machine(&store, unpacking).await;
    let active = machine.activate(learners).await.expect("they start");
    assert_eq!(active.len(), 2);

    apply(&mut machine, 4).await;
    let first = machine.capture(4).changes.await;
    commit(&store, 4, first);
    machine.captured();
    let (ada, bob) = ("ada".to_owned(), "bob".to_owned());
    assert_eq!(
        stored_heads(&store),
        [(ada.clone(), 4, 2), (bob.clone(), PACKED_AS_OF, 1)]
    );

    // A second capture must not store the packed heads again.
    assert_eq!(machine.capture(4).changes.await, []);
    machine.captured();
    apply(&mut machine, 5).await;
    let third = machine.capture(5).changes.await;
    assert_eq!(third.len(), 1);
    commit(&store, 5, third);
    assert_eq!(stored_heads(&store), [(ada, 5, 3), (bob, PACKED_AS_OF, 1)]);
}
