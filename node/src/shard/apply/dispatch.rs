//! Dispatches an entry's events to their learners.

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

/// Learners processed per batch. Each touches about 30 cache lines, so 24 of them fit into a 512
/// KiB second-level cache ten times over.
const BATCH_LEARNERS: usize = 24;

/// Learners between two yields to other tasks: some tenths of a millisecond.
const YIELD_EVERY_LEARNERS: usize = 8 * BATCH_LEARNERS;

/// An entry that is being applied.
pub struct Applying<'e> {
    /// Values that hold for the entry.
    pub context: &'e Arc<EntryContext>,
    /// Its bytes; the events are slices of it.
    pub payload: &'e Bytes,
    /// The effects of entries up to this index are durable.
    pub durable_index: u64,
}

/// Not all learners of an entry applied it.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// A block that an event needs can't be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A learner stopped without an answer.
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

/// Prefetches all learners of a batch, then applies the events one learner at a time. Most of the
/// state is in no cache; prefetching lets the processor fetch many cache lines at a time instead of
/// waiting for each. No more than one learner is locked while an event waits for the disk.
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

/// Enqueues the events of learners with an operation in progress or queued messages, behind those.
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
        // If the learner has stopped, its slot is dropped and the answer is missing.
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
    use std::pin::pin;

    use homeroom_core::{Event, EventType};

    use super::*;
    use crate::learner::{LearnerRef, NoBlocks, Stored};

    async fn learner(user_id: &str) -> LearnerRef {
        let resident = ResidentLearner::of(Stored::nothing_of(user_id), Arc::new(NoBlocks));
        LearnerRef::unsupervised(resident).await
    }

    fn context() -> Arc<EntryContext> {
        Arc::new(EntryContext {
            index: 1,
            block_events: 64,
            log_time_ms: 0,
            watermark_ms: 0,
            floor_ms: 0,
            settings: Arc::default(),
        })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_learner_that_has_stopped_is_noticed() {
        let learner = learner("ada").await;
        learner.send(LearnerMessage::Retire).expect("it is active");
        let entry = Applying {
            context: &context(),
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

    #[tokio::test(flavor = "multi_thread")]
    async fn busy_and_idle_learners_answer_in_the_order_of_their_groups() {
        let users = vec!["ada", "bob", "cyd", "dan"];
        let (mut payload, mut learners, mut ends) = (Vec::new(), Vec::new(), vec![0]);
        for (number, &user_id) in users.iter().enumerate() {
            let at_ms = 1_000 + number as i64;
            Event::bare(user_id, user_id, at_ms, EventType::Click, "lms").encode_into(&mut payload);
            ends.push(payload.len());
            learners.push((number, learner(user_id).await));
        }
        let payload = Bytes::from(payload);
        let events = ends
            .windows(2)
            .map(|ends| [&payload[ends[0]..ends[1]]].into());
        let entry = Applying {
            context: &context(),
            payload: &payload,
            durable_index: 0,
        };
        let groups = Groups {
            events: events.collect(),
            users,
            order: Vec::new(),
        };
        let mut busy = [0, 2, 3].map(|group: usize| learners[group].1.try_lock());
        assert!(busy.iter().all(Option::is_some));
        let mut dispatched = pin!(dispatch(&entry, &groups, &learners));
        assert!(futures::poll!(&mut dispatched).is_pending());
        // The last one is the first to answer.
        for learner in busy.iter_mut().rev() {
            drop(learner.take());
        }
        let applied = dispatched.await.expect("all apply it");
        let newest_ms: Vec<i64> = applied.iter().map(|it| it.last_event_ms).collect();
        assert_eq!(newest_ms, [1_000, 1_001, 1_002, 1_003]);
    }
}
