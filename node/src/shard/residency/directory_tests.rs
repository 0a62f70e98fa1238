//! Which learners a capture takes, and when they may be stopped.

use super::super::memory::EarlyLeave;
use super::*;
use crate::learner::{NoBlocks, ResidentLearner, Stored};

/// Time allows every learner to be stopped.
const ALL: Retirement = Retirement {
    settled_ms: i64::MAX,
    untouched_since_ms: i64::MAX,
    early: None,
};

/// Settled learners of this size, all saved except their standings.
async fn settled(learners: u64, bytes: u64) -> Directory {
    settled_in(LearnerMemory::of(1 << 40, 0), learners, bytes).await
}

async fn settled_in(memory: LearnerMemory, learners: u64, bytes: u64) -> Directory {
    let directory = Directory::new(Arc::new(memory));
    for number in 0..learners {
        let resident = ResidentLearner::of(Stored::nothing_of("ada"), Arc::new(NoBlocks));
        let activated = Activation {
            last_event_ms: 0,
            courses: Vec::new(),
            standings_stored: false,
            memory_bytes: ACTOR_BYTES + bytes,
            touched_ms: 0,
        };
        directory.insert(
            &format!("learner-{number}"),
            LearnerRef::unsupervised(resident).await,
            activated,
        );
    }
    directory
}

/// Makes a whole checkpoint. Returns the number of learners saved.
async fn save(directory: &Directory) -> usize {
    let (due, mut saved) = directory.begin_capture(1);
    directory.save(&due);
    directory.close_capture();
    let mut learners = 0;
    while saved.recv().await.is_some() {
        learners += 1;
    }
    directory.end_capture();
    learners
}

#[tokio::test]
async fn a_capture_stores_standings_of_no_more_than_its_bound() {
    const AT_ONCE: u64 = 100;
    let directory = settled(AT_ONCE + 10, LEAVING_BYTES_MAX / AT_ONCE).await;
    for _ in 0..3 {
        assert_eq!(directory.retire(ALL), 0);
    }
    assert!(directory.are_some_leaving());
    let (due, _saved) = directory.begin_capture(1);
    assert_eq!(due.len() as u64, AT_ONCE);
}

#[tokio::test]
async fn a_learner_leaves_once_its_standings_are_durable() {
    let directory = settled(2, 1).await;
    directory.retire(ALL);
    let (due, mut saved) = directory.begin_capture(1);
    directory.save(&due);
    directory.close_capture();
    assert_eq!(directory.retire(ALL), 0, "nothing is durable yet");
    while saved.recv().await.is_some() {}
    directory.end_capture();
    assert_eq!((directory.retire(ALL), directory.len()), (2, 0));
    assert!(!directory.are_some_leaving());
}

#[tokio::test]
async fn a_learner_larger_than_the_bound_leaves_alone() {
    let directory = settled(3, LEAVING_BYTES_MAX + 1).await;
    for left in 1..=3 {
        directory.retire(ALL);
        assert_eq!(save(&directory).await, 1);
        directory.retire(ALL);
        assert_eq!(directory.len(), 3 - left);
    }
}

/// Windows settle at their end plus the allowed lateness; a change of settings may open them again.
#[tokio::test]
async fn whoever_is_idle_no_longer_is_not_counted_as_such() {
    let directory = settled(2, 1 << 20).await;
    let at = |settled_ms| Retirement { settled_ms, ..ALL };
    directory.retire(at(SETTLES_WITHIN_MS));
    assert!(directory.memory.is_crowded(), "both could leave");
    directory.retire(at(SETTLES_WITHIN_MS - 1));
    assert!(!directory.memory.is_crowded(), "they no longer could");
    directory.retire(at(SETTLES_WITHIN_MS));
    assert!(directory.memory.is_crowded());
}

/// For any lateness: with all sources silent the watermark stops 31 minutes past the newest event.
#[test]
fn at_the_watermarks_rest_everybody_may_leave() {
    const NEWEST_MS: i64 = 1_700_000_000_000;
    let rest_ms = NEWEST_MS + 31 * 60_000;
    for lateness_ms in [0, 30_000, 60 * 60_000] {
        let retirement = Retirement::at(rest_ms, lateness_ms, 0);
        assert!(
            NEWEST_MS + SETTLES_WITHIN_MS <= retirement.settled_ms,
            "{lateness_ms}"
        );
    }
}

/// As on a shard whose sources are all overruled by an authoritative one: it has no watermark.
#[tokio::test]
async fn who_is_unknown_leaves_where_nothing_was_ever_accepted() {
    let directory = Directory::new(Arc::new(LearnerMemory::of(1 << 40, 0)));
    let learner = LearnerRef::unsupervised(ResidentLearner::of(
        Stored::nothing_of("ada"),
        Arc::new(NoBlocks),
    ))
    .await;
    let activated = Activation {
        last_event_ms: i64::MIN,
        courses: Vec::new(),
        standings_stored: true,
        memory_bytes: 1,
        touched_ms: 0,
    };
    directory.insert("ada", learner, activated);
    assert_eq!(directory.retire(Retirement::at(i64::MIN, 30_000, 0)), 1);
}

#[tokio::test]
async fn what_idle_learners_let_go_of_is_not_theirs_any_more() {
    let directory = settled_in(LearnerMemory::of(1 << 40, 1 << 20), 2, 1 << 20).await;
    // Memory of learners of another shard, who are not idle.
    directory.memory.grow(10 << 20);
    directory.retire(ALL);
    assert!(directory.memory.is_crowded());
    save(&directory).await;
    directory.evict_blocks(&directory.places());
    assert!(
        !directory.memory.is_crowded(),
        "the idle take next to nothing"
    );
    assert_eq!(directory.retire(ALL), 2);
    assert_eq!(directory.memory.used_bytes(), 10 << 20);
}

/// The learners that leave early are those whose last entry is longest ago.
#[tokio::test]
async fn only_the_least_recently_touched_leave_early() {
    const BYTES: u64 = 1 << 20;
    let directory = settled(10, BYTES - ACTOR_BYTES).await;
    let touched = |directory: &Directory, number: u64, at_ms: i64| {
        let mut applied = GroupApplied {
            verdicts: Default::default(),
            joined: Vec::new(),
            corrected_windows: 0,
            last_event_ms: 0,
            unsaved_bytes: 0,
            memory_bytes: BYTES,
        };
        let user_id = format!("learner-{number}");
        let found = directory.entry_targets(std::iter::once(&*user_id));
        let place = found[0].as_ref().expect("active").place;
        directory.note_applied(at_ms, std::iter::once((place, &mut applied)));
    };
    for number in [3, 0, 4, 8] {
        touched(&directory, number, 10);
    }
    let early = |surplus_bytes, untouched_since_ms| Retirement {
        untouched_since_ms: -1,
        early: Some(EarlyLeave {
            surplus_bytes,
            // Half of them are of another shard, which gives back the other half.
            idle_bytes: 20 * BYTES,
            untouched_since_ms,
        }),
        ..ALL
    };
    let retire = async |retirement| {
        directory.retire(retirement);
        save(&directory).await;
        directory.retire(retirement)
    };
    assert_eq!(retire(early(6 * BYTES, 9)).await, 3);
    for number in [3, 0, 4, 8, 9] {
        assert!(directory.get(&format!("learner-{number}")).is_some());
    }
    assert_eq!(retire(early(20 * BYTES, 9)).await, 3);
    assert_eq!(
        retire(early(20 * BYTES, 9)).await,
        0,
        "the others are in use"
    );
    assert_eq!(retire(early(1, 10)).await, 1);
    assert!(directory.get("learner-3").is_none());
    assert_eq!(directory.len(), 3);
}

#[tokio::test]
async fn with_nobody_left_nothing_is_held() {
    let directory = settled(5, 1_000).await;
    assert_eq!(directory.memory.used_bytes(), 5 * (ACTOR_BYTES + 1_000));
    directory.retire(ALL);
    assert_eq!(save(&directory).await, 5);
    assert_eq!(directory.retire(ALL), 5);
    assert_eq!(directory.memory.used_bytes(), 0);
    assert!(!directory.memory.is_crowded() && !directory.are_some_leaving());
}

#[tokio::test]
async fn somebody_with_a_learner_is_waited_for_while_the_others_are_saved() {
    let directory = settled(20, 1).await;
    directory.retire(ALL);
    let busy = directory.get("learner-7").expect("active");
    let inside = busy.try_lock().expect("at rest");
    let (due, mut saved) = directory.begin_capture(1);
    directory.save(&due);
    directory.close_capture();
    let at_once = std::iter::from_fn(|| saved.try_recv().ok()).count();
    assert_eq!(at_once, 19);
    drop(inside);
    assert!(saved.recv().await.is_some() && saved.recv().await.is_none());
}
