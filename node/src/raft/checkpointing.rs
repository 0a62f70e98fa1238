//! A group's checkpoints and bases: makes its state durable, and purges the log behind them.

use std::{
    fmt::Display,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use openraft::RaftMetrics;

use super::{
    error::{BaseFailed, CheckpointError},
    group::Group,
    machine::{Capture, Replicated, UNSAVED_BYTES_DUE},
    snapshot::{StateRecord, to_position},
    types::{CheckpointOutcome, LogId, Membership, TypeConfig},
};
use crate::store::{
    checkpoint::{Commit, CommitError, CommitFigures},
    log::{GroupUsage, LogEngine},
};

impl<R: Replicated> Group<R> {
    /// Begins with the first replayed entry: a replay may produce more than one checkpoint can
    /// contain.
    pub(super) async fn checkpoint_when_due(self: Arc<Self>) {
        let mut unsaved_bytes = self.unsaved_bytes.clone();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                due = unsaved_bytes.wait_for(|bytes| *bytes >= UNSAVED_BYTES_DUE) => {
                    if due.is_err() { return }
                }
            }
            self.checkpoint().await;
            if self.seal.reason().is_some() {
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
            .spawn(async move { group.make_checkpoint().await })
            .await;
        let outcome = match made {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => self.fail_checkpoint(&error),
            Err(error) => self.fail_checkpoint(&error),
        };
        if self.seal.reason().is_none() {
            (self.resources.checkpointed)(self.config.id, begun, &outcome);
        }
        outcome
    }

    fn fail_checkpoint(&self, error: &dyn Display) -> CheckpointOutcome {
        (self.resources.fatal)(&format!(
            "{}: a checkpoint failed: {error}",
            self.config.name
        ));
        CheckpointOutcome {
            index: None,
            figures: None,
        }
    }

    async fn make_checkpoint(&self) -> Result<CheckpointOutcome, CheckpointError> {
        let mut checkpointed = self.checkpointed.lock().await;
        let _unchanging = self.records.lock().await;
        // The semaphore is never closed.
        let _turn = self.resources.turns.acquire().await.ok();
        let (applied, membership, capture) = {
            let mut machine = self.machine.lock().await;
            let is_open = self.seal.reason().is_none();
            match machine.applied {
                Some(applied) if Some(applied) != *checkpointed && is_open => {
                    let capture = machine.replicated.capture(applied.index);
                    machine.bytes_since_capture = 0;
                    (applied, machine.membership.clone(), capture)
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
        let (store, group) = (Arc::clone(&self.resources.store), self.config.id);
        let write = move || store.commit(group, commit);
        let written = self.resources.background.run(write).await;
        Ok(written.map_err(|error| CheckpointError::Task(error.to_string()))??)
    }

    /// Payload bytes applied since the last capture: what a restart would have to apply again.
    pub async fn bytes_since_capture(&self) -> u64 {
        self.machine.lock().await.bytes_since_capture
    }

    /// Payload bytes applied since the last base was requested.
    pub async fn bytes_since_base(&self) -> u64 {
        self.machine.lock().await.bytes_since_base
    }

    /// Whether the newest checkpoint contains more than the newest base.
    pub async fn is_ahead_of_its_base(&self) -> bool {
        let bases = self
            .resources
            .store
            .bases(self.config.id)
            .unwrap_or_default();
        let base = bases.first().map(|newest| newest.position.index);
        self.checkpoint_index().await > base
    }

    /// Whether a base proved damaged, and fewer than two were cut since.
    pub fn has_lost_base(&self) -> bool {
        self.resources.store.has_lost_base(self.config.id)
    }

    /// What the group's entries use in the log.
    pub fn log_usage(&self) -> GroupUsage {
        self.resources.log.usage(self.config.id)
    }

    /// Cuts a base of the newest checkpoint, and purges the log behind the older of the two newest
    /// bases. A sealed group does neither.
    ///
    /// Returns when the base is durable. openraft purges later.
    ///
    /// # Errors
    /// When the base can't be cut (the log is kept then), or the group has stopped.
    pub async fn cut_base(&self) -> Result<(), BaseFailed> {
        if self.seal.reason().is_some() {
            return Ok(());
        }
        let (store, group) = (Arc::clone(&self.resources.store), self.config.id);
        if self.checkpointed.lock().await.is_none() {
            return Ok(());
        }
        let failed = |error: &dyn Display| BaseFailed(error.to_string());
        let cut = {
            let _unchanging = self.records.lock().await;
            self.resources
                .cutter
                .run(move || store.cut_base(group))
                .await
        };
        let base = cut.map_err(|error| failed(&error))?;
        let index = base.map_err(|error| failed(&error))?.position.index;
        self.wanted_base.store(index, Ordering::Relaxed);
        self.machine.lock().await.bytes_since_base = 0;
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
        let older = self.resources.store.older_base_position(self.config.id);
        if let Some(older) = older.ok().flatten() {
            let purged = self.raft.trigger().purge_log(older.index).await;
            purged.map_err(|error| failed(&error))?;
        }
        Ok(())
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
