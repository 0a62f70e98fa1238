//! Raft is up before the state behind it.

use std::time::Duration;

use super::{Counting, Setup, numbers, propose};
use crate::store::log::Flushing;

#[tokio::test]
async fn a_replica_votes_while_its_state_is_loaded() {
    let setup = Setup::new(Flushing::AtOnce);
    let group = setup.ready().await;
    propose(&group, 1).await;
    group.checkpoint().await;
    group.stop().await;

    let setup = setup.restarted();
    setup.states.may_recover.send_replace(false);
    let group = setup.start(Counting::default()).await;
    let mut leaderships = group.leaderships();
    let leads = leaderships.wait_for(|present| present.leads);
    assert!(
        leads.await.is_ok(),
        "it has saved a vote, and its own is a quorum"
    );
    assert_eq!(group.applied_index(), None);

    setup.states.may_recover.send_replace(true);
    group.ready().await.expect("it elects itself again");
    assert_eq!(numbers(&group).await, [1]);
    group.stop().await;
}

#[tokio::test]
async fn entries_after_an_older_base_are_applied_again() {
    let setup = Setup::new(Flushing::AtOnce);
    let group = setup.ready().await;
    propose(&group, 1).await;
    group.checkpoint().await;
    let older = setup.states.checkpoint().expect("a checkpoint");
    propose(&group, 2).await;
    propose(&group, 3).await;
    group.checkpoint().await;
    propose(&group, 4).await;
    group.stop().await;

    let setup = setup.restarted();
    setup.states.recover_to(older);
    let group = setup.ready().await;
    assert_eq!(numbers(&group).await, [1, 2, 3, 4]);
    // A checkpoint of the recovered state is new again.
    group.checkpoint().await;
    let position = setup.states.checkpoint().expect("a checkpoint").position;
    assert_eq!(Some(position.index), group.applied_index());
    group.stop().await;
}

/// Starts with entries so large that each waits for a checkpoint, and checks that all are applied.
async fn comes_through_large_entries(setup: &Setup) {
    let mut large = Counting::default();
    large.entry_bytes = 300 << 20;
    let group = setup.start(large).await;
    let ready = tokio::time::timeout(Duration::from_secs(60), group.ready());
    ready.await.expect("in time").expect("it is ready");
    assert_eq!(numbers(&group).await, [1, 2, 3, 4, 5]);
    group.stop().await;
}

/// Each entry is so large that the next one waits for a checkpoint. One is due at once, by a task
/// of the group.
#[tokio::test(start_paused = true)]
async fn a_replay_of_more_than_a_checkpoint_can_hold_does_not_stop_a_start() {
    let setup = Setup::new(Flushing::AtOnce);
    let group = setup.ready().await;
    for number in 1..=5 {
        propose(&group, number).await;
    }
    group.stop().await;

    let setup = setup.restarted();
    comes_through_large_entries(&setup).await;
}

/// The checkpoint that makes room comes before the state has caught up with what the store said.
#[tokio::test(start_paused = true)]
async fn entries_after_an_older_base_may_be_more_than_a_checkpoint_can_hold() {
    let setup = Setup::new(Flushing::AtOnce);
    let group = setup.ready().await;
    propose(&group, 1).await;
    group.checkpoint().await;
    let older = setup.states.checkpoint().expect("a checkpoint");
    for number in 2..=5 {
        propose(&group, number).await;
    }
    group.checkpoint().await;
    group.stop().await;

    let setup = setup.restarted();
    setup.states.recover_to(older);
    comes_through_large_entries(&setup).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_state() {
    let setup = Setup::new(Flushing::AtOnce);
    let group = setup.ready().await;
    propose(&group, 1).await;
    group.stop().await;

    let setup = setup.restarted();
    setup.states.may_recover.send_replace(false);
    let group = setup.start(Counting::default()).await;
    let stopped = tokio::time::timeout(Duration::from_secs(60), group.stop());
    stopped.await.expect("in time");
    group.ready().await.expect_err("it has stopped");
}
