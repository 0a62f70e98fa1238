//! Which learners a capture takes, and when they may leave.

use homeroom_core::learner::Learner;
use ractor::Actor;

use super::*;
use crate::learner::{LearnerActor, Stored};

/// Everybody may go, as far as time is concerned.
const ALL: Retirement = Retirement {
    settled_ms: i64::MAX,
    untouched_since_ms: i64::MAX,
};

/// So many settled learners of this size, saved but for how they stand; one actor stands for all.
async fn settled(learners: u64, bytes: u64) -> Directory {
    let stored = Stored {
        learner: Learner::new("ada"),
        head_bytes: 0,
        standings_stored: false,
    };
    let spawned = Actor::spawn(None, LearnerActor, stored).await;
    let (actor, _ended) = spawned.expect("an actor");
    let directory = Directory::new(Arc::new(LearnerMemory::of(u64::MAX, u64::MAX)));
    for number in 0..learners {
        let woken = Woken {
            last_event_ms: 0,
            courses: Vec::new(),
            standings_stored: false,
            memory_bytes: ACTOR_BYTES + bytes,
            touched_ms: 0,
        };
        directory.insert(&format!("learner-{number}"), actor.clone(), woken);
    }
    directory
}

#[tokio::test]
async fn a_capture_stores_standings_of_no_more_than_its_bound() {
    const AT_ONCE: u64 = 100;
    let directory = settled(AT_ONCE + 10, LEAVING_BYTES_MAX / AT_ONCE).await;
    for _ in 0..3 {
        assert_eq!(directory.retire(ALL), 0);
    }
    assert!(directory.are_some_leaving());
    let (due, _saved) = directory.begin_saving();
    assert_eq!(due.len() as u64, AT_ONCE);
}

#[tokio::test]
async fn a_learner_leaves_once_its_standings_are_durable() {
    let directory = settled(2, 1).await;
    directory.retire(ALL);
    let (due, mut saved) = directory.begin_saving();
    assert_eq!(directory.ask_to_save(&due), 2);
    directory.all_asked_to_save();
    assert_eq!(directory.retire(ALL), 0, "nothing is durable yet");
    while saved.recv().await.is_some() {}
    directory.end_saving();
    assert_eq!((directory.retire(ALL), directory.len()), (2, 0));
    assert!(!directory.are_some_leaving());
}
