//! The tasks that live as long as a group: loading its state, and watching what openraft does.

use std::{io, ops::Range, sync::Arc};

use futures::StreamExt;
use openraft::{
    ReadPolicy, ServerState, async_runtime::WatchReceiver, metrics::RaftServerMetrics,
    storage::RaftLogReader,
};

use super::{
    error::StartError,
    group::Group,
    leadership::Leadership,
    replicated::Replicated,
    state_record::{StateRecord, to_log_id},
    types::TypeConfig,
};

impl<R: Replicated> Group<R> {
    /// Loads the state. Until then nothing is applied.
    pub(super) async fn load(self: Arc<Self>) {
        let replica = &self.replica;
        tokio::select! {
            () = replica.stop.cancelled() => {}
            loaded = self.load_state() => match loaded {
                Ok(()) => replica.progress.send_modify(|progress| progress.is_loaded = true),
                Err(error) => replica.fail(&format!("its stored state can't be read: {error}")),
            },
        }
    }

    /// A recovered state may be older than what the store said at first. openraft, which was given
    /// that, does not apply the entries between the two.
    async fn load_state(&self) -> io::Result<()> {
        let replica = &self.replica;
        let group = replica.config.id;
        let claimed = replica
            .progress
            .borrow()
            .applied
            .map(|claimed| claimed.index);
        // The semaphore is never closed.
        let _turn = replica.resources.loads.acquire().await.ok();
        let recovered = replica.resources.states.recover(group).await?;
        let at = recovered.as_ref().map(|state| to_log_id(state.position));
        let record = match recovered {
            Some(stored) => Some(StateRecord::decode(&stored.meta, &R::STATE_VERSIONS)?),
            None => None,
        };
        let (membership, state) = record.map(|it| (it.membership, it.state)).unzip();
        let mut checkpointed = replica.checkpointed.lock().await;
        let mut machine = replica.machine.lock().await;
        let index = at.map_or(0, |at| at.index);
        machine.replicated.restore(index, state).await?;
        *checkpointed = at;
        // From here on there are checkpoints, for which the entries behind may have to wait.
        replica.progress.send_modify(|progress| {
            progress.is_restored = true;
            progress.applied = at;
            progress.membership = membership.unwrap_or_default();
        });
        drop((machine, checkpointed));
        if at.map(|at| at.index) < claimed {
            let missing = at.map_or(0, |at| at.index + 1)..claimed.map_or(0, |claimed| claimed + 1);
            self.apply_again(missing).await?;
        }
        Ok(())
    }

    async fn apply_again(&self, missing: Range<u64>) -> io::Result<()> {
        let (mut log, end) = (self.log.clone(), missing.end);
        let mut next = missing.start;
        let mut entries = log.entries_stream(missing).await;
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            next = entry.log_id.index + 1;
            self.replica.apply_entry(entry).await?;
        }
        if next < end {
            return Err(io::Error::other(format!("entry {next} is not in the log")));
        }
        Ok(())
    }

    /// Returns once the state is loaded. A group with this replica as its only voter then leads,
    /// and has applied what was in its log.
    ///
    /// # Errors
    /// When the replica ends before.
    pub async fn ready(&self) -> Result<(), StartError> {
        let config = &self.replica.config;
        let loaded = self.replica.loaded().await;
        loaded.map_err(|why| config.unreadable(why))?;
        let mut metrics = self.raft.server_metrics();
        loop {
            let (is_founded, is_alone, leads) = {
                let metrics = metrics.borrow_watched();
                let is_founded = metrics.membership_config.voter_ids().next().is_some();
                let leads = metrics.state == ServerState::Leader;
                (is_founded, is_alone(&metrics), leads)
            };
            if is_alone && leads {
                break;
            }
            // openraft tells of the founders a little later.
            if !is_alone && (is_founded || config.founders.is_none()) {
                return Ok(());
            }
            tokio::select! {
                changed = metrics.changed() => {
                    changed.map_err(|error| config.refused(error))?;
                }
                why = self.replica.ended() => return Err(config.unreadable(why)),
            }
        }
        let mut leaderships = self.leaderships();
        tokio::select! {
            // The sender lives as long as the group.
            _ = leaderships.wait_for(|present| present.leads) => {}
            why = self.replica.ended() => return Err(config.unreadable(why)),
        }
        let applied = self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await;
        applied
            .map(drop)
            .map_err(|error| match self.replica.failure() {
                Some(why) => config.unreadable(why),
                None => config.refused(error),
            })
    }

    /// Publishes the leadership, elects a single voter, has timers while there are several, and
    /// ends the replica when openraft has ended.
    pub(super) async fn watch_raft(self: Arc<Self>) {
        // Of openraft's metrics this changes least. It ends with openraft's task, whatever ends
        // that.
        let mut metrics = self.raft.server_metrics();
        let (mut has_ticks, mut asked_in) = (false, None);
        loop {
            let (may_elect_itself, term, members) = {
                let metrics = metrics.borrow_watched();
                self.publish(&metrics);
                // Non-voters need heartbeats, too.
                let members = metrics.membership_config.nodes().count();
                let is_at_rest = metrics.state == ServerState::Follower;
                let term = metrics.vote.leader_id.term;
                (is_at_rest && is_alone(&metrics), term, members)
            };
            if has_ticks != (members > 1) {
                has_ticks = members > 1;
                self.raft.runtime_config().tick(has_ticks);
            }
            if may_elect_itself && asked_in != Some(term) {
                asked_in = Some(term);
                // An error is that of a group that has stopped, which is noticed below.
                let _ = self.raft.trigger().elect(false).await;
            }
            tokio::select! {
                biased;
                _ = self.replica.ended() => break,
                changed = metrics.changed() => if changed.is_err() { break },
            }
        }
        self.leadership.send_modify(|known| {
            *known = Leadership {
                term: known.term,
                ..Leadership::default()
            };
        });
        if !self.replica.stop.is_cancelled() {
            let ended = self.raft.metrics().borrow_watched().running_state.clone();
            let why = ended
                .err()
                .map_or("its Raft group stopped".to_owned(), |e| e.to_string());
            self.replica.fail(&why);
            let _ = self.raft.shutdown().await;
        }
    }

    fn publish(&self, metrics: &RaftServerMetrics<TypeConfig>) {
        let leads = metrics.state == ServerState::Leader;
        let present = Leadership {
            term: metrics.vote.leader_id.term,
            leader: metrics
                .current_leader
                .filter(|_| metrics.vote.is_committed()),
            leads,
        };
        self.leadership.send_if_modified(|known| {
            let is_new = *known != present;
            *known = present;
            is_new
        });
    }
}

/// Whether this replica is the only voter.
fn is_alone(metrics: &RaftServerMetrics<TypeConfig>) -> bool {
    let mut voters = metrics.membership_config.voter_ids();
    voters.next() == Some(metrics.id) && voters.next().is_none()
}
