//! What a shard's replica does while it leads.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    batcher::{BatchLimits, Batcher, refuse_all},
    part::{Part, PartError},
    ticker::Ticker,
    timekeeper::Timekeeper,
};
use crate::{
    clock::LogClock,
    raft::{Group, Leadership, Replicated},
};

/// Owns the queue of a shard's parts: proposes them while the replica leads, and refuses them
/// while it does not. Batcher, ticker and timekeeper live as long as one leadership.
pub struct Leading<R: Replicated> {
    pub group: Arc<Group<R>>,
    pub clock: Arc<LogClock>,
    pub parts: mpsc::Receiver<Part>,
    /// Log time at which a tick is due, ms; `None` when none is.
    pub due: watch::Receiver<Option<i64>>,
    pub limits: BatchLimits,
    /// Set while the replica leads: only then its metrics count what all replicas do.
    pub leads: Arc<AtomicBool>,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

impl<R: Replicated> Leading<R> {
    /// Runs until it is stopped and everything submitted is applied or refused.
    pub async fn run(mut self) {
        let mut leaderships = self.group.leaderships();
        while let Some(leadership) = self.await_leadership(&mut leaderships).await {
            self.leads.store(true, Ordering::Relaxed);
            self.lead(leadership, &mut leaderships).await;
            self.leads.store(false, Ordering::Relaxed);
        }
        self.parts.close();
        refuse_all(&mut self.parts, &PartError::NotLeader);
    }

    /// `None` once it is stopped.
    async fn await_leadership(
        &mut self,
        leaderships: &mut watch::Receiver<Leadership>,
    ) -> Option<Leadership> {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                // The sender lives as long as the group.
                present = leaderships.wait_for(|present| present.leads) => {
                    return present.ok().map(|present| *present);
                }
                part = self.parts.recv() => part?.reply.send(Err(PartError::NotLeader)),
            }
        }
    }

    async fn lead(
        &mut self,
        leadership: Leadership,
        leaderships: &mut watch::Receiver<Leadership>,
    ) {
        let ended = self.stop.child_token();
        let timekeeper = Timekeeper {
            clock: Arc::clone(&self.clock),
            group: Arc::clone(&self.group),
            stop: ended.clone(),
        };
        self.tasks.spawn(timekeeper.run());
        let ticker = Ticker {
            group: Arc::clone(&self.group),
            clock: Arc::clone(&self.clock),
            due: self.due.clone(),
            stop: ended.clone(),
        };
        self.tasks.spawn(ticker.run());
        let batcher = Batcher {
            parts: &mut self.parts,
            group: Arc::clone(&self.group),
            clock: Arc::clone(&self.clock),
            limits: self.limits,
            stop: self.stop.clone(),
        };
        let lost = async {
            let _ = leaderships.wait_for(|present| *present != leadership).await;
        };
        let mut in_flight = batcher.run(lost).await;
        ended.cancel();
        // A proposal of a lost leadership may yet be applied. The next one does not wait for it.
        self.tasks
            .spawn(async move { while in_flight.next().await.is_some() {} });
    }
}
