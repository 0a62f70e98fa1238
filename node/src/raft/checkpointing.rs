//! A group's checkpoints and bases: makes its state durable, and purges the log behind them.

use std::{
    fmt::Display,
    io,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use openraft::RaftMetrics;
use tokio::sync::oneshot;

use super::{
    error::{BaseFailed, CheckpointError},
    group::Group,
    replica::Replica,
    replicated::{Capture, Replicated, UNSAVED_BYTES_DUE},
    state_record::{StateRecord, to_position},
    types::{CheckpointOutcome, LogId, Membership, TypeConfig},
};
use crate::store::{
    checkpoint::{Commit, CommitError, CommitFigures},
    log::{CONTROL_BYTES, GroupUsage},
};

impl<R: Replicated> Group<R> {
    /// Begins with the first replayed entry: a replay may produce more than one checkpoint can
    /// contain.
    pub(super) async fn checkpoint_when_due(self: Arc<Self>) {
        let mut unsaved_bytes = self.replica.unsaved_bytes.clone();
        loop {
            tokio::select! {
                _ = self.replica.ended() => return,
                due = unsaved_bytes.wait_for(|bytes| *bytes >= UNSAVED_BYTES_DUE) => {
                    if due.is_err() { return }
                }
            }
            self.checkpoint().await;
            if self.replica.seal.reason().is_some() {
                return;
            }
        }
    }

    /// Makes the applied state durable. Ends the process when the store fails, since what a failed
    /// checkpoint captured is in no later one. Seals the group when the checkpoint is too large for
    /// the store; a sealed group makes none.
    ///
    /// Continues to its end even when the caller no longer waits.
    pub async fn checkpoint(self: &Arc<Self>) -> CheckpointOutcome {
        let (group, begun) = (Arc::clone(self), Instant::now());
        let made = self
            .tasks
            .spawn(async move { group.replica.make_checkpoint().await })
            .await;
        let outcome = match made {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => self.fail_checkpoint(&error),
            Err(error) => self.fail_checkpoint(&error),
        };
        if self.replica.seal.reason().is_none() {
            (self.replica.resources.checkpointed)(self.replica.config.id, begun, &outcome);
        }
        outcome
    }

    fn fail_checkpoint(&self, error: &dyn Display) -> CheckpointOutcome {
        (self.replica.resources.fatal)(&format!(
            "{}: a checkpoint failed: {error}",
            self.replica.config.name
        ));
        CheckpointOutcome {
            index: None,
            figures: None,
        }
    }

    /// Payload bytes applied since the last capture: what a restart would have to apply again.
    pub async fn bytes_since_capture(&self) -> u64 {
        self.replica.machine.lock().await.bytes_since_capture
    }

    /// Payload bytes applied since the last base was requested.
    pub async fn bytes_since_base(&self) -> u64 {
        self.replica.machine.lock().await.bytes_since_base
    }

    /// Whether the newest checkpoint contains more than the newest base.
    pub async fn is_ahead_of_its_base(&self) -> bool {
        let bases = self
            .replica
            .resources
            .states
            .base_positions(self.replica.config.id);
        let base = bases.first().map(|newest| newest.index);
        self.checkpoint_index().await > base
    }

    /// Whether a base proved damaged, and fewer than two were cut since.
    pub fn has_lost_base(&self) -> bool {
        self.replica
            .resources
            .states
            .has_lost_base(self.replica.config.id)
    }

    /// What the group's entries use in the log.
    pub fn log_usage(&self) -> GroupUsage {
        self.replica.resources.log.usage(self.replica.config.id)
    }

    /// Cuts a base of the newest checkpoint, and purges the log behind the older of the two newest
    /// bases. A sealed group does neither.
    ///
    /// Returns when the base is durable. openraft purges later.
    ///
    /// # Errors
    /// When the base can't be cut (the log is kept then), or the group has stopped.
    pub async fn cut_base(&self) -> Result<(), BaseFailed> {
        if self.replica.seal.reason().is_some() {
            return Ok(());
        }
        let (states, group) = (&self.replica.resources.states, self.replica.config.id);
        if self.replica.checkpointed.lock().await.is_none() {
            return Ok(());
        }
        let failed = |error: &dyn Display| BaseFailed(error.to_string());
        let base = {
            let _unchanging = self.replica.records.lock().await;
            states.cut_base(group).await?
        };
        let index = base.position.index;
        self.replica.wanted_base.store(index, Ordering::Relaxed);
        self.replica.machine.lock().await.bytes_since_base = 0;
        let begun = self.raft.trigger().snapshot().await;
        begun.map_err(|error| failed(&error))?;
        let is_taken_over = |metrics: &RaftMetrics<TypeConfig>| {
            metrics
                .snapshot
                .is_some_and(|snapshot| snapshot.index >= index)
        };
        let wait = self.raft.wait(None);
        let taken_over = wait
            .metrics(is_taken_over, "the base to be taken over")
            .await;
        taken_over.map_err(|error| failed(&error))?;
        if let Some(older) = states.older_base(group) {
            let purged = self.raft.trigger().purge_log(older.index).await;
            purged.map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

impl<R: Replicated> Replica<R> {
    async fn make_checkpoint(&self) -> Result<CheckpointOutcome, CheckpointError> {
        let mut checkpointed = self.checkpointed.lock().await;
        let _unchanging = self.records.lock().await;
        // The semaphore is never closed.
        let _turn = self.resources.turns.acquire().await.ok();
        let (applied, membership, capture) = {
            let mut machine = self.machine.lock().await;
            let progress = self.progress.borrow().clone();
            let is_open = self.seal.reason().is_none() && self.failure().is_none();
            match progress.applied {
                Some(applied)
                    if progress.is_restored && Some(applied) != *checkpointed && is_open =>
                {
                    let capture = machine.replicated.capture(applied.index);
                    machine.bytes_since_capture = 0;
                    (applied, progress.membership, capture)
                }
                _ => return Ok(unchanged(*checkpointed)),
            }
        };
        let figures = match self.write(applied, membership, capture).await {
            Err(CheckpointError::Commit(error)) if is_too_large(&error) => {
                self.close(&error);
                return Ok(unchanged(*checkpointed));
            }
            written => written?,
        };
        *checkpointed = Some(applied);
        self.machine.lock().await.replicated.captured();
        Ok(CheckpointOutcome {
            index: Some(applied.index),
            figures: Some(figures),
        })
    }

    /// Seals the group: the state stays readable, and its log stays as it is.
    fn close(&self, error: &CommitError) {
        let owner = match error {
            CommitError::TooLarge { key: Some(key), .. } => R::owner_of(key),
            _ => None,
        };
        let owner = owner.map_or(String::new(), |owner| {
            format!("; the largest is of {owner}")
        });
        let why = format!("a checkpoint was refused, since {error}{owner}");
        tracing::error!(group = self.config.name, "takes no more entries: {why}");
        self.seal.close(&why);
    }

    async fn write(
        &self,
        applied: LogId,
        membership: Membership,
        Capture { state, changes }: Capture,
    ) -> Result<CommitFigures, CheckpointError> {
        let changes = changes.await;
        let meta = StateRecord { membership, state }.encode(&R::STATE_VERSIONS);
        let commit = Commit {
            position: to_position(applied),
            meta,
            changes,
        };
        // Entries may be applied before they are durable here. A state ahead of its own log would
        // be taken for a lost log after a crash.
        let flushed = self.flushed().await;
        flushed.map_err(|error| CheckpointError::Task(error.to_string()))?;
        self.resources.states.commit(self.config.id, commit).await
    }

    /// Returns once everything that was written to the group's log before this call is durable.
    async fn flushed(&self) -> io::Result<()> {
        let log = &self.resources.log;
        let permit = log.control_budget().acquire(CONTROL_BYTES).await;
        let permit = permit.map_err(io::Error::other)?;
        let (send, durable) = oneshot::channel();
        // The receiver is dropped only when this call is cancelled.
        let done = Box::new(move |result| drop(send.send(result)));
        log.barrier(self.config.id, permit, done)
            .map_err(io::Error::other)?;
        durable.await.map_err(io::Error::other)?
    }
}

/// The outcome when there is nothing to write, or nothing may be written.
fn unchanged(checkpointed: Option<LogId>) -> CheckpointOutcome {
    CheckpointOutcome {
        index: checkpointed.map(|applied| applied.index),
        figures: None,
    }
}

/// Whether the store refused a checkpoint for its content, before it wrote anything.
fn is_too_large(error: &CommitError) -> bool {
    matches!(error, CommitError::TooLarge { .. } | CommitError::EmptyKey)
}
