//! What a fault ends, and what proposals are told of it.

use tokio_util::task::AbortOnDropHandle;

use super::{Setup, WITHIN, counting::POISON, propose};
use crate::{raft::ProposeError, store::log::Flushing};

#[tokio::test(start_paused = true)]
async fn a_proposal_has_an_outcome_within_its_deadline() {
    let setup = Setup::new(Flushing::ByHand);
    let flushing = {
        let log = setup.log.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                log.pending().await;
                log.flush();
            }
        }))
    };
    let group = setup.ready().await;
    propose(&group, 1).await;
    // The disk stands still.
    flushing.abort();
    let begun = tokio::time::Instant::now();
    let proposed = group.propose(vec![2].into()).await;
    assert!(
        matches!(proposed, Err(ProposeError::Unknown(_))),
        "{proposed:?}"
    );
    assert_eq!(begun.elapsed(), WITHIN);
    // It moves again: the entry was written after all.
    setup.log.flush();
    let applied = group.applied_index().expect("some") + 1;
    group.applied(applied).await.expect("it is applied");
    assert_eq!(super::numbers(&group).await, [1, 2]);
}

#[tokio::test]
async fn an_entry_that_can_not_be_applied_ends_its_replica_only() {
    let setup = Setup::new(Flushing::AtOnce);
    let group = setup.ready().await;
    propose(&group, 1).await;
    let proposed = group.propose(vec![POISON].into()).await;
    assert!(
        matches!(proposed, Err(ProposeError::Unknown(_))),
        "{proposed:?}"
    );
    let mut leaderships = group.leaderships();
    let ended = leaderships.wait_for(|present| !present.leads).await;
    assert_eq!(ended.expect("a group").leader, None);
    assert_eq!(group.failed().as_deref(), Some("poison"));
    // What it has can be read; nothing is written.
    assert_eq!(super::numbers(&group).await, [1]);
    let proposed = group.propose(vec![2].into()).await;
    assert_eq!(proposed, Err(ProposeError::NotLeader));
    group.stop().await;

    // The next start comes to the same entry, and says why it can't go on.
    let group = setup.restarted().start(super::Counting::default()).await;
    let error = group.ready().await.expect_err("it can't be applied");
    assert!(error.to_string().contains("poison"), "{error}");
    group.stop().await;
}
