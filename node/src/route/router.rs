//! Submits parts to shards, within the node's bound of queued bytes.

use std::sync::Arc;

use futures::future::join_all;
use homeroom_core::{entry::RecordBuffer, shard::Outcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc::error::TrySendError};

use super::Positions;
use crate::{
    fan_in::{Answers, fan_in},
    shard::{LearnerMemory, Part, PartApplied, PartError, ShardReplica},
};

/// The shards of this node, and the bound of their queues.
pub struct Router {
    shards: Vec<Arc<ShardReplica>>,
    queue: Arc<Semaphore>,
    queue_bytes_max: u32,
    /// Memory of all active learners; when it is full no request is accepted.
    memory: Arc<LearnerMemory>,
}

/// A request that was submitted to its shards.
#[derive(Debug)]
pub struct UnderWay {
    count: usize,
    /// For each part its shard, and the positions of its deliveries in the request.
    parts: Vec<(u16, Vec<u32>)>,
    answers: Answers<Result<PartApplied, PartError>>,
}

/// The result of a request.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// By delivery; `None` when its shard did not apply it or the outcome is unknown. It should be
    /// sent again.
    pub outcomes: Vec<Option<Outcome>>,
    /// How far the shards with deliveries have applied them.
    pub positions: Positions,
}

/// A request was not accepted; nothing of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The queues are full.
    #[error("{queued_bytes_max} bytes are waiting already")]
    Overloaded {
        /// The bound, bytes.
        queued_bytes_max: u32,
    },
    /// The active learners use all their memory, or much of it and many of them are about to be
    /// stopped.
    #[error("active learners take their {memory_bytes_max} bytes, or wait to leave")]
    MemoryFull {
        /// The bound, bytes.
        memory_bytes_max: u64,
    },
    /// All shards with events in the request take no more.
    #[error(
        "shard {shard} takes no more events: a checkpoint of it was refused for its size; `homeroom doctor` says why"
    )]
    Sealed {
        /// One of the shards.
        shard: u16,
    },
}

/// What happens to a request when the queues are full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It waits; meanwhile its sender's stream is not read.
    Wait,
    /// It is refused; its sender should retry.
    Refuse,
}

/// Deliveries for one shard.
#[derive(Debug)]
pub struct Routed {
    /// The shard.
    pub shard: u32,
    /// Encoded records, in order.
    pub records: RecordBuffer,
    /// Positions of the deliveries in the request.
    pub slots: Vec<u32>,
}

impl Router {
    /// A router over all shards of the cluster, in their order.
    pub fn new(
        shards: Vec<Arc<ShardReplica>>,
        queue_bytes_max: u32,
        memory: Arc<LearnerMemory>,
    ) -> Self {
        let queue = Arc::new(Semaphore::new(queue_bytes_max as usize));
        Self {
            shards,
            queue,
            queue_bytes_max,
            memory,
        }
    }

    /// All shards, in their order.
    pub fn shards(&self) -> &[Arc<ShardReplica>] {
        &self.shards
    }

    /// The shard of a learner.
    pub fn shard_of(&self, user_id: &str) -> &Arc<ShardReplica> {
        let shards = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        let shard = homeroom_core::shard_of(homeroom_core::learner_hash(user_id), shards);
        &self.shards[shard as usize]
    }

    /// Memory of the active learners.
    pub fn memory(&self) -> &LearnerMemory {
        &self.memory
    }

    /// The bound of the queues, bytes.
    pub fn queue_bytes_max(&self) -> u64 {
        self.queue_bytes_max.into()
    }

    /// Bytes submitted whose entries are not yet applied.
    pub fn queued_bytes(&self) -> u64 {
        u64::from(self.queue_bytes_max) - self.queue.available_permits() as u64
    }

    /// Submits deliveries to their shards. What is submitted in one call is applied before what is
    /// submitted in a later one. Outcomes are awaited separately.
    ///
    /// # Errors
    /// When the node is overloaded, or none of the shards takes events. Then nothing is submitted.
    pub async fn hand_over(
        &self,
        count: usize,
        parts: Vec<Routed>,
        urgency: Urgency,
    ) -> Result<UnderWay, RouteError> {
        self.check_open(&parts)?;
        let bytes: usize = parts.iter().map(|part| part.records.len()).sum();
        let mut room = self.take_room(bytes, urgency).await?;
        let (slots, answers) = fan_in(parts.len());
        let mut taken = Vec::with_capacity(parts.len());
        let mut waiting = Vec::new();
        for (routed, reply) in parts.into_iter().zip(slots) {
            let replica = &self.shards[routed.shard as usize];
            let permit = room
                .split(routed.records.len())
                .unwrap_or_else(|| room.split(0).expect("none"));
            let part = Part {
                records: routed.records,
                permit,
                reply,
            };
            // If the shard has stopped, the part is dropped with its reply, and the answer says so.
            if let Err(TrySendError::Full(part)) = replica.parts().try_send(part) {
                waiting.push(replica.parts().send(part));
            }
            taken.push((replica.shard(), routed.slots));
        }
        join_all(waiting).await;
        Ok(UnderWay {
            count,
            parts: taken,
            answers,
        })
    }

    /// With one open shard among them the request is taken, and the events of the others are to be
    /// sent again: alone they are refused.
    fn check_open(&self, parts: &[Routed]) -> Result<(), RouteError> {
        let sealed = |part: &Routed| {
            let replica = &self.shards[part.shard as usize];
            replica.group().sealed().map(|_| replica.shard())
        };
        let mut first = None;
        for part in parts {
            match sealed(part) {
                Some(shard) => first = first.or(Some(shard)),
                None => return Ok(()),
            }
        }
        first.map_or(Ok(()), |shard| Err(RouteError::Sealed { shard }))
    }

    async fn take_room(
        &self,
        bytes: usize,
        urgency: Urgency,
    ) -> Result<OwnedSemaphorePermit, RouteError> {
        if !self.memory.has_room() {
            return Err(RouteError::MemoryFull {
                memory_bytes_max: self.memory.max(),
            });
        }
        let overloaded = RouteError::Overloaded {
            queued_bytes_max: self.queue_bytes_max,
        };
        let bytes = u32::try_from(bytes).map_err(|_| overloaded)?;
        if bytes > self.queue_bytes_max {
            return Err(overloaded);
        }
        let queue = Arc::clone(&self.queue);
        match urgency {
            Urgency::Wait => queue
                .acquire_many_owned(bytes)
                .await
                .map_err(|_| overloaded),
            Urgency::Refuse => queue.try_acquire_many_owned(bytes).map_err(|_| overloaded),
        }
    }
}

impl UnderWay {
    /// Waits for the outcome of every delivery.
    pub async fn delivered(self) -> Delivered {
        let mut delivered = Delivered {
            outcomes: vec![None; self.count],
            positions: Positions::default(),
        };
        if self.parts.is_empty() {
            return delivered;
        }
        let answers = self.answers.await.unwrap_or_default();
        for ((shard, slots), answer) in self.parts.into_iter().zip(answers) {
            match answer.unwrap_or(Err(PartError::Unknown)) {
                Ok(PartApplied {
                    index, outcomes, ..
                }) => {
                    delivered.positions.note(shard, index);
                    for (slot, outcome) in slots.into_iter().zip(outcomes) {
                        delivered.outcomes[slot as usize] = Some(outcome);
                    }
                }
                Err(error) => tracing::debug!(shard, %error, "deliveries were not taken"),
            }
        }
        delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_applied_parts_have_outcomes() {
        let (slots, answers) = fan_in(3);
        let mut slots: Vec<_> = slots.collect();
        let applied = PartApplied {
            index: 7,
            term: 1,
            leader: 1,
            outcomes: vec![Outcome::Accepted, Outcome::Shadowed],
        };
        slots.pop().expect("three").send(Ok(applied));
        // One part is dropped without an answer, one is refused.
        drop(slots.pop());
        let refused = slots.pop().expect("three");
        refused.send(Err(PartError::NotLeader));
        let under_way = UnderWay {
            count: 4,
            parts: vec![(0, vec![1]), (1, vec![2]), (2, vec![3, 0])],
            answers,
        };
        let delivered = under_way.delivered().await;
        assert_eq!(
            delivered.outcomes,
            [Some(Outcome::Shadowed), None, None, Some(Outcome::Accepted)]
        );
        let positions: Vec<_> = delivered.positions.iter().collect();
        assert_eq!(positions, [(2, 7)]);
    }
}
