//! What a capture contains while entries are applied.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use fastrand::Rng;
use homeroom_core::{
    Event, EventType,
    learner::{Learner, StatePart},
    shard::EntryContext,
};
use tokio::{
    sync::Mutex,
    task::{JoinSet, yield_now},
};

use super::*;
use crate::{
    learner::{NoBlocks, ResidentLearner, Stored},
    shard::{
        apply::{Applying, Groups, dispatch},
        residency::{Activation, LearnerMemory},
    },
};

const LEARNERS: usize = 24;
/// Each round has new learners, because heads grow with events.
const ROUNDS: usize = 40;
const CAPTURES: usize = 100;
/// Learners saved between two yields.
const PORTION: usize = 12;

/// Number of events of each learner; locked while an entry is applied, as a shard is.
type Shard = Arc<Mutex<[u64; LEARNERS]>>;

fn user_id(number: usize) -> String {
    format!("learner-{number}")
}

async fn directory() -> Directory {
    let directory = Directory::new(Arc::new(LearnerMemory::of(1 << 40, 0)));
    for number in 0..LEARNERS {
        let resident =
            ResidentLearner::of(Stored::nothing_of(&user_id(number)), Arc::new(NoBlocks));
        let activated = Activation {
            last_event_ms: 0,
            courses: Vec::new(),
            standings_stored: false,
            memory_bytes: 0,
            touched_ms: 0,
        };
        directory.insert(
            &user_id(number),
            LearnerRef::unsupervised(resident).await,
            activated,
        );
    }
    directory
}

/// Applies one event for each of some learners, as a shard does.
async fn apply(directory: &Directory, learners: &[usize], index: u64) {
    let at_ms = 1_700_000_000_000 + index.cast_signed();
    let context = Arc::new(EntryContext {
        index,
        block_events: 1_000_000,
        log_time_ms: at_ms,
        watermark_ms: 0,
        floor_ms: 0,
        settings: Arc::default(),
    });
    let users: Vec<String> = learners.iter().map(|number| user_id(*number)).collect();
    let mut encoded = Vec::new();
    Event::bare("", format!("event-{index}"), at_ms, EventType::Click, "lms")
        .encode_into(&mut encoded);
    let payload = Bytes::from(encoded);
    let mut active = Vec::new();
    for found in directory.entry_targets(users.iter().map(String::as_str)) {
        let found = found.expect("active");
        if let Some(save) = found.save {
            let sent = found.learner.send(LearnerMessage::Save(save));
            sent.expect("active");
        }
        active.push((found.place, found.learner));
    }
    let groups = Groups {
        users: users.iter().map(String::as_str).collect(),
        events: users.iter().map(|_| [&payload[..]].into()).collect(),
        order: Vec::new(),
    };
    let entry = Applying {
        context: &context,
        payload: &payload,
        durable_index: directory.durable_index(),
    };
    let applied = dispatch(&entry, &groups, &active).await;
    let mut applied = applied.expect("all apply it");
    let places = active.iter().map(|(place, _)| *place);
    directory.note_applied(at_ms, places.zip(&mut applied));
}

async fn apply_entries(directory: Directory, shard: Shard, mut rng: Rng, stop: Arc<AtomicBool>) {
    for index in 1.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let mut events = shard.lock().await;
        let learners = rng.choose_multiple(0..LEARNERS, 3);
        apply(&directory, &learners, index).await;
        for learner in learners {
            events[learner] += 1;
        }
        drop(events);
        yield_now().await;
    }
}

/// Locks one learner after the other, so that others find them busy.
fn look_around(directory: &Directory, mut rng: Rng, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let learner = directory.get(&user_id(rng.usize(..LEARNERS)));
        let learner = learner.expect("active");
        if let Some(resident) = learner.try_lock() {
            resident.prefetch();
        }
    }
}

/// Number of events in what a learner handed over.
fn events_in(saved: &Saved) -> u64 {
    let head = saved.changes.iter().find(|it| it.part == StatePart::Head);
    let head = head.and_then(|head| head.bytes.as_ref());
    let head = head.expect("something was unsaved");
    let learner = Learner::restore(&saved.user_id, head, std::iter::empty());
    learner.expect("a learner").events()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_capture_is_of_one_boundary_whatever_comes_meanwhile() {
    let seed = std::env::var("HOMEROOM_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!(
        "replay with: HOMEROOM_SEED={seed} cargo test -p homeroom-node --lib shard::residency::capture"
    );
    let mut rng = Rng::with_seed(seed);
    for _ in 0..ROUNDS {
        captures(rng.fork()).await;
    }
}

async fn captures(mut rng: Rng) {
    let (directory, shard) = (directory().await, Shard::default());
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = JoinSet::new();
    let (entries, their_stop) = (Arc::clone(&shard), Arc::clone(&stop));
    others.spawn(apply_entries(
        directory.clone(),
        entries,
        rng.fork(),
        their_stop,
    ));
    others.spawn_blocking({
        let (directory, rng, stop) = (directory.clone(), rng.fork(), Arc::clone(&stop));
        move || look_around(&directory, rng, &stop)
    });
    for _ in 0..CAPTURES {
        let ((due, mut saved), events) = {
            let events = shard.lock().await;
            // Only that it grows matters here.
            let as_of = events.iter().sum();
            (directory.begin_capture(as_of), *events)
        };
        for some in due.chunks(PORTION) {
            directory.save(some);
            yield_now().await;
        }
        directory.close_capture();
        let mut handed_over = 0;
        while let Some(saved) = saved.recv().await {
            let number = saved
                .user_id
                .trim_start_matches("learner-")
                .parse::<usize>();
            let number = number.expect("a number");
            assert_eq!(events_in(&saved), events[number], "{}", saved.user_id);
            handed_over += 1;
        }
        assert_eq!(handed_over, due.len());
        directory.end_capture();
        yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    others.join_all().await;
}
