//! Submits parts to shards, within the node's bound of queued bytes.

use std::sync::Arc;

use futures::future::join_all;
use homeroom_core::{entry::RecordBuffer, shard::Outcome};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::error::{SendError, TrySendError},
};

use super::{DeliveryError, Positions, ShardPosition};
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
    parts: Vec<Submitted>,
    answers: Answers<Result<PartApplied, PartError>>,
}

/// A part of a request.
#[derive(Debug)]
struct Submitted {
    shard: u16,
    /// Positions of its deliveries in the request.
    slots: Vec<u32>,
    /// It was not handed over, as its replica had failed.
    is_failed: bool,
}

/// The result of a request.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// By delivery, each by its own shard. An error says whether nothing was written or that is
    /// unknown; in both cases it should be sent again.
    pub outcomes: Vec<Result<Outcome, DeliveryError>>,
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
            // A failed replica's queue may still be there.
            let is_failed = replica.failed().is_some();
            if is_failed {
                part.reply.send(Err(PartError::NotLeader));
            } else {
                waiting.extend(submit(replica, part));
            }
            taken.push(Submitted {
                shard: replica.shard(),
                slots: routed.slots,
                is_failed,
            });
        }
        for rejected in join_all(waiting).await.into_iter().flatten() {
            rejected.reply.send(Err(PartError::NotLeader));
        }
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

/// Hands a part to its shard. Returns the future that waits when its queue is full, which returns
/// the part if the shard stops before: nothing of that is written.
fn submit(replica: &ShardReplica, part: Part) -> Option<impl Future<Output = Option<Part>>> {
    match replica.parts().try_send(part) {
        Ok(()) => None,
        Err(TrySendError::Closed(part)) => {
            part.reply.send(Err(PartError::NotLeader));
            None
        }
        Err(TrySendError::Full(part)) => {
            let waiting = replica.parts().send(part);
            Some(async move { waiting.await.err().map(|SendError(part)| part) })
        }
    }
}

impl UnderWay {
    /// Waits for the outcome of every delivery.
    pub async fn delivered(self) -> Delivered {
        let mut delivered = Delivered {
            // A part that is dropped without an answer may be in the log.
            outcomes: vec![Err(DeliveryError::Unknown); self.count],
            positions: Positions::default(),
        };
        if self.parts.is_empty() {
            return delivered;
        }
        let answers = self.answers.await.unwrap_or_default();
        for (part, answer) in self.parts.into_iter().zip(answers) {
            let Submitted {
                shard,
                slots,
                is_failed,
            } = part;
            match answer.unwrap_or(Err(PartError::Unknown)) {
                Ok(PartApplied {
                    index,
                    term,
                    leader,
                    outcomes,
                }) => {
                    let position = ShardPosition {
                        index,
                        term,
                        leader,
                    };
                    delivered.positions.note(shard, position);
                    for (slot, outcome) in slots.into_iter().zip(outcomes) {
                        delivered.outcomes[slot as usize] = Ok(outcome);
                    }
                }
                Err(error) => {
                    let error = match is_failed {
                        true => DeliveryError::Failed,
                        false => error.into(),
                    };
                    tracing::debug!(shard, %error, "deliveries were not taken");
                    for slot in slots {
                        delivered.outcomes[slot as usize] = Err(error);
                    }
                }
            }
        }
        delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_delivery_has_the_outcome_of_its_own_part() {
        let (slots, answers) = fan_in(5);
        let mut slots: Vec<_> = slots.collect();
        let applied = PartApplied {
            index: 7,
            term: 3,
            leader: 2,
            outcomes: vec![Outcome::Accepted, Outcome::Shadowed],
        };
        let failed = slots.pop().expect("five");
        failed.send(Err(PartError::NotLeader));
        slots.pop().expect("five").send(Ok(applied));
        // One part is dropped without an answer, one is in doubt, one is refused.
        drop(slots.pop());
        for error in [PartError::Unknown, PartError::NotLeader] {
            slots.pop().expect("five").send(Err(error));
        }
        let part = |shard, slots: &[u32], is_failed| Submitted {
            shard,
            slots: slots.to_vec(),
            is_failed,
        };
        let under_way = UnderWay {
            count: 7,
            parts: vec![
                part(0, &[1, 5], false),
                part(1, &[2], false),
                part(3, &[4], false),
                part(2, &[3, 0], false),
                part(4, &[6], true),
            ],
            answers,
        };
        let delivered = under_way.delivered().await;
        assert_eq!(
            delivered.outcomes,
            [
                Ok(Outcome::Shadowed),
                Err(DeliveryError::NotLeader),
                Err(DeliveryError::Unknown),
                Ok(Outcome::Accepted),
                Err(DeliveryError::Unknown),
                Err(DeliveryError::NotLeader),
                Err(DeliveryError::Failed),
            ]
        );
        let positions: Vec<_> = delivered.positions.iter().collect();
        let position = ShardPosition {
            index: 7,
            term: 3,
            leader: 2,
        };
        assert_eq!(positions, [(2, position)]);
    }
}
