//! Tells an entry's learners of their events, each once.

use std::sync::Arc;

use bytes::Bytes;
use homeroom_core::shard::EntryContext;
use parking_lot::MappedMutexGuard;
use smallvec::SmallVec;
use tokio::task::yield_now;

use super::groups::{Events, Groups};
use crate::{
    fan_in::fan_in,
    learner::{Apply, GroupApplied, LearnerMessage, LoadError, ResidentLearner},
    shard::residency::ActiveRef,
};

/// So many learners are looked at together, and so much of them is in the processor's caches together: some thirty lines each, of which
/// a second-level cache of 512 KiB holds ten times as many.
const BATCH_LEARNERS: usize = 24;

/// After so many learners other tasks have their turn: some tenths of a millisecond.
const YIELD_EVERY_LEARNERS: usize = 8 * BATCH_LEARNERS;

/// An entry that is being applied.
pub struct Applying<'e> {
    /// What holds for it.
    pub context: &'e Arc<EntryContext>,
    /// Its bytes, of which its events are slices.
    pub payload: &'e Bytes,
    /// What entries up to this one did is durable.
    pub durable_index: u64,
}

/// An entry's learners did not all apply it.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// What an event needs can't be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// One stopped without an answer.
    #[error("a learner stopped while it was applying an entry")]
    LearnerStopped,
}

/// The answers of an entry's learners, in their order.
///
/// # Errors
/// When a learner can't apply the entry.
pub async fn dispatch(
    entry: &Applying<'_>,
    groups: &Groups<'_>,
    learners: &[ActiveRef],
) -> Result<Vec<GroupApplied>, DispatchError> {
    let mut answers = Vec::with_capacity(learners.len());
    for some in learners.chunks(BATCH_LEARNERS) {
        if !answers.is_empty() && answers.len() % YIELD_EVERY_LEARNERS == 0 {
            yield_now().await;
        }
        apply_to_idle(entry, groups, some, &mut answers)?;
    }
    enqueue_for_busy(entry, &groups.events, learners, &mut answers).await?;
    let answers = answers.into_iter();
    answers
        .map(|answer| answer.ok_or(DispatchError::LearnerStopped))
        .collect()
}

/// First all are looked at, then they are told, one after the other. What most of them need is in no cache; looking at many at a time,
/// the processor fetches as many lines at a time as it can, instead of waiting for one after the other. No more than one is locked
/// while an event waits for the disk.
fn apply_to_idle(
    entry: &Applying<'_>,
    groups: &Groups<'_>,
    learners: &[ActiveRef],
    answers: &mut Vec<Option<GroupApplied>>,
) -> Result<(), DispatchError> {
    let locked = learners.iter().map(|(_, learner)| learner.try_lock());
    let locked: SmallVec<[_; BATCH_LEARNERS]> = locked.collect();
    for resident in locked.iter().flatten() {
        resident.prefetch();
    }
    drop(locked);
    let from = answers.len();
    let groups = groups.users[from..].iter().zip(&groups.events[from..]);
    for ((_, learner), (user_id, events)) in learners.iter().zip(groups) {
        let events = events.iter().copied();
        let apply = |mut resident: MappedMutexGuard<'_, ResidentLearner>| {
            resident.apply(user_id, entry.context, events, entry.durable_index)
        };
        let applied = learner.try_lock().map(apply);
        answers.push(applied.transpose()?);
    }
    Ok(())
}

/// The events of learners that somebody else was with, or for whom something waited: theirs wait behind it.
async fn enqueue_for_busy(
    entry: &Applying<'_>,
    events: &[Events<'_>],
    learners: &[ActiveRef],
    answers: &mut [Option<GroupApplied>],
) -> Result<(), DispatchError> {
    let busy = answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.is_none());
    let busy: Vec<usize> = busy.map(|(group, _)| group).collect();
    if busy.is_empty() {
        return Ok(());
    }
    let (slots, applied) = fan_in(busy.len());
    for (&group, slot) in busy.iter().zip(slots) {
        let apply = Apply {
            context: Arc::clone(entry.context),
            events: events[group]
                .iter()
                .map(|event| entry.payload.slice_ref(event))
                .collect(),
            durable_index: entry.durable_index,
            answer: slot,
        };
        // One that has stopped is noticed by its slot.
        let _ = learners[group].1.enqueue(LearnerMessage::Apply(apply));
    }
    let applied = applied.await.unwrap_or_default();
    for (group, applied) in busy.into_iter().zip(applied) {
        answers[group] = applied.transpose()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{LearnerRef, NoBlocks, Stored};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_learner_that_has_stopped_is_noticed() {
        let resident = ResidentLearner::of(Stored::nothing_of("ada"), Arc::new(NoBlocks));
        let learner = LearnerRef::unsupervised(resident).await;
        learner.send(LearnerMessage::Retire).expect("it is active");
        let context = Arc::new(EntryContext {
            index: 1,
            block_events: 64,
            log_time_ms: 0,
            watermark_ms: 0,
            floor_ms: 0,
            settings: Arc::default(),
        });
        let entry = Applying {
            context: &context,
            payload: &Bytes::new(),
            durable_index: 0,
        };
        let groups = Groups {
            users: vec!["ada"],
            events: vec![Events::new()],
            order: Vec::new(),
        };
        let dispatched = dispatch(&entry, &groups, &[(0, learner)]).await;
        assert!(matches!(dispatched, Err(DispatchError::LearnerStopped)));
    }
}
