//! The state machine of a shard: groups an entry by learner, dispatches the events, counts the
//! outcomes.

use std::{
    io,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures::FutureExt;
use homeroom_core::{
    LEARNER_BYTES_MAX, Settings,
    entry::{Command, Entry, Records},
    learner::{Verdict, standing_bytes_max},
    shard::{EntryContext, LETTER_BYTES_MAX, RecordVerdict, STATE_BYTES_MAX, ShardState},
};
use ractor::ActorCell;
use tokio::sync::watch;

use super::{
    dispatch::{Applying, dispatch},
    groups::{Groups, Ordered},
    watchers::Watchers,
};
use crate::{
    learner::{
        BlockSource, Collected, GroupApplied, LearnerMessage, LearnerRef, LoadError, RecordKey,
        RecoveredLearners, ResidentLearner, Stored, dead_letter_key, load, memory_of, parse_key,
    },
    raft::{Applied, Capture, Replicated},
    shard::{
        checkpoint::{Sweeper, recover},
        events::ShardEvents,
        outcomes,
        residency::{Activation, ActiveRef, Directory, Retirement, TouchedLearner},
        slicer::Slicer,
        view::{View, ViewPublisher},
    },
    store::checkpoint::{Change, CheckpointStore, META_BYTES_MAX, PAYLOAD_BYTES_MAX},
};

// A checkpoint is never refused for the shard's own record, a dead letter or a standing, whatever
// their input. Parts of learners are stored in pieces.
const _: () = assert!(STATE_BYTES_MAX + MEMBERSHIP_BYTES_MAX <= META_BYTES_MAX);
const _: () = assert!(LETTER_BYTES_MAX <= PAYLOAD_BYTES_MAX);
const _: () = assert!(standing_bytes_max(LEARNER_BYTES_MAX) <= PAYLOAD_BYTES_MAX);
/// Room for what Raft stores beside the shard's own record.
const MEMBERSHIP_BYTES_MAX: usize = 64 << 10;

/// The replicated part of a shard.
pub struct ShardMachine {
    pub shard: u16,
    pub state: ShardState,
    pub directory: Directory,
    pub store: Arc<CheckpointStore>,
    /// Reads evicted blocks.
    pub blocks: Arc<dyn BlockSource>,
    pub views: ViewPublisher,
    pub watchers: Watchers,
    pub supervisor: ActorCell,
    pub events: Arc<dyn ShardEvents>,
    /// Whether this replica leads: only then it counts what all replicas do.
    pub leads: Arc<AtomicBool>,
    /// A learner untouched for this long may be stopped, ms of log time.
    pub passivate_after_ms: i64,
    pub sweeper: Sweeper,
    /// Learners that were found active in the store.
    pub recovered: Arc<RecoveredLearners>,
    /// Changes for the beginning of the first capture.
    pub unpacking: Vec<Change>,
    pub slicer: Slicer,
    /// Learners of the present entry whose watchers are to be notified.
    pub changed: Vec<Box<str>>,
}

impl Replicated for ShardMachine {
    /// Version 3: learners in their encoding 4, which is the oldest that is still read. Version 4:
    /// heads of passivated learners without finished viewings, which an earlier build would begin
    /// anew. Version 5: learners with what their events count.
    const STATE_VERSIONS: RangeInclusive<u8> = 3..=5;

    async fn restore(&mut self, index: u64, state: Option<Vec<u8>>) -> io::Result<()> {
        self.directory.clear();
        self.sweeper.restart();
        self.state = match state {
            Some(state) => recover(&self.store, self.shard, &state).map_err(io::Error::other)?,
            None => ShardState::new(Settings::default()),
        };
        let taken = self.recovered.take(self.shard);
        let (learners, unpacking) = taken.map_err(io::Error::other)?;
        self.unpacking = unpacking;
        let activated = self.activate(learners).await;
        activated.map_err(io::Error::other)?;
        self.publish(index);
        self.watchers.notify_all();
        Ok(())
    }

    async fn apply(&mut self, index: u64, payload: Bytes) -> Result<Applied, String> {
        // The checksum matched, so a newer build wrote an entry that can't be decoded. To skip it
        // would let this replica diverge from those that know the command.
        let entry = Entry::decode(&payload)
            .map_err(|error| format!("entry {index} can't be applied: {error}"))?;
        let context = Arc::new(self.state.begin(index, entry.log_time_ms, &payload));
        let applied = match entry.command {
            Command::Batch(records) => self.apply_batch(&context, records, &payload).await?,
            Command::Tick => {
                self.state.finish(&context, std::iter::empty());
                Applied::default()
            }
            Command::Settings(settings) => {
                self.state.set_settings(*settings);
                self.state.finish(&context, std::iter::empty());
                Applied::default()
            }
            Command::DeadLetters(work) => {
                self.state.update_dead_letters(work);
                self.state.finish(&context, std::iter::empty());
                Applied::default()
            }
        };
        let closed = self.state.close_windows();
        if self.leads.load(Ordering::Relaxed) {
            self.events.windows_closed(closed);
        }
        self.publish(index);
        // After publishing, so that a watcher that reads now sees the new state.
        self.watchers.notify(
            std::mem::take(&mut self.changed)
                .iter()
                .map(|user_id| &**user_id),
        );
        Ok(applied)
    }

    fn capture(&mut self, index: u64) -> Capture {
        let letters: Vec<_> = self
            .state
            .dead_letters_mut()
            .take_changes()
            .into_iter()
            .map(|change| (dead_letter_key(change.number), change.bytes))
            .collect();
        let floor_ms = self.state.read_point().floor_ms;
        let active = self.directory.clone();
        let is_active = move |user_id: &str| active.get(user_id).is_some();
        let expired = self.sweeper.expired(floor_ms, is_active);
        let (due, mut saved) = self.directory.begin_capture(index);
        let (directory, slicer) = (self.directory.clone(), self.slicer.clone());
        let mut changes = std::mem::take(&mut self.unpacking);
        let changes = async move {
            // Before the learners' changes: of several changes to a record the last one wins.
            changes.extend(expired.await);
            changes.extend(letters);
            let mut collected = Collected::new(changes, index);
            let mut slices = slicer.slices(due);
            while let Some(some) = slices.next().await {
                directory.save(some);
                while let Ok(saved) = saved.try_recv() {
                    collected.add(saved);
                }
            }
            directory.close_capture();
            while let Some(saved) = saved.recv().await {
                collected.add(saved);
            }
            collected.changes
        };
        Capture {
            state: self.state.encode(),
            changes: changes.boxed(),
        }
    }

    fn captured(&mut self) {
        self.directory.end_capture();
    }

    fn owner_of(key: &[u8]) -> Option<String> {
        Some(match parse_key(key)? {
            RecordKey::Learner { user_id, .. } | RecordKey::Standing { user_id, .. } => {
                format!("learner {user_id:?}")
            }
            RecordKey::Pack(number) => format!("pack {number} of learners' heads"),
            RecordKey::DeadLetter(number) => format!("dead letter {number}"),
        })
    }

    fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        self.directory.unsaved_bytes()
    }
}

impl ShardMachine {
    async fn apply_batch(
        &mut self,
        context: &Arc<EntryContext>,
        records: Records<'_>,
        payload: &Bytes,
    ) -> Result<Applied, String> {
        let groups = Groups::of(records)
            .map_err(|error| format!("entry {} can't be applied: {error}", context.index))?;
        let learners = self.learners(&groups.users).await?;
        let entry = Applying {
            context,
            payload,
            durable_index: self.directory.durable_index(),
        };
        let mut applied = dispatch(&entry, &groups, &learners)
            .await
            .map_err(|error| error.to_string())?;
        let places = learners.iter().map(|(place, _)| *place);
        self.directory
            .note_applied(context.log_time_ms, places.zip(&mut applied));
        let Groups { users, order, .. } = groups;
        let amended = count_amended(&applied);
        let outcomes = self.state.finish(
            context,
            order.into_iter().map(|delivery| match delivery {
                Ordered::Event {
                    group,
                    place,
                    encoded,
                } => RecordVerdict::Event {
                    user_id: users[group],
                    encoded,
                    verdict: applied[group].verdicts[place],
                },
                Ordered::Refused(refusal) => RecordVerdict::Refused(refusal),
            }),
        );
        if self.leads.load(Ordering::Relaxed) {
            self.events.applied(&outcomes, amended);
            let corrected = applied.iter().map(|applied| applied.corrected_windows);
            self.events.windows_corrected(corrected.sum());
        }
        if self.watchers.are_any() {
            self.changed = users.iter().map(|user_id| (*user_id).into()).collect();
        }
        Ok(outcomes::encode(&outcomes))
    }

    /// Stops learners that no entry has touched for long and whose state is durable, and some
    /// touched later if memory is short. Call this between entries. Returns whether more can be
    /// stopped once a checkpoint has stored their standings.
    pub fn passivate(&self, now_ms: i64) -> bool {
        let retirement = Retirement {
            early: self.directory.memory().early_leave(now_ms),
            ..Retirement::at(
                self.state.read_point().watermark_ms,
                self.state.settings().allowed_lateness_ms,
                now_ms.saturating_sub(self.passivate_after_ms),
            )
        };
        let retired = self.directory.retire(retirement);
        self.events.retired(retired);
        self.directory.are_some_leaving()
    }

    /// References to these learners, in their order, ready for an entry. Inactive ones are
    /// activated.
    async fn learners(&self, users: &[&str]) -> Result<Vec<ActiveRef>, String> {
        let mut known = self.directory.entry_targets(users.iter().copied());
        for found in known.iter_mut().flatten() {
            if let Some(save) = found.save.take() {
                // A learner that fails here ends the process.
                let _ = found.learner.send(LearnerMessage::Save(save));
            }
        }
        let passivated: Vec<&str> = users
            .iter()
            .zip(&known)
            .filter(|(_, learner)| learner.is_none())
            .map(|(user, _)| *user)
            .collect();
        let mut activated = self.activate(self.load(&passivated)?).await?.into_iter();
        let ready = known.into_iter().filter_map(|found| match found {
            Some(TouchedLearner { place, learner, .. }) => Some((place, learner)),
            None => activated.next(),
        });
        Ok(ready.collect())
    }

    /// Loads inactive learners. One that is not stored begins empty.
    fn load(&self, users: &[&str]) -> Result<Vec<Stored>, String> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let stored = |user_id: &&str| {
            let stored = load(&self.store, self.shard, user_id)?;
            Ok(stored.unwrap_or_else(|| Stored::nothing_of(user_id)))
        };
        // A few records each, most of them in sled's cache. The entry has to wait for them in any
        // case.
        tokio::task::block_in_place(|| users.iter().map(stored).collect::<Result<_, LoadError>>())
            .map_err(|error| error.to_string())
    }

    /// Spawns the learners' actors.
    pub async fn activate(&self, learners: Vec<Stored>) -> Result<Vec<ActiveRef>, String> {
        if learners.is_empty() {
            return Ok(Vec::new());
        }
        let mut active = Vec::with_capacity(learners.len());
        for stored in learners {
            let user_id = Box::<str>::from(stored.learner.user_id());
            let activated = Activation {
                last_event_ms: stored.learner.last_event_ms(),
                courses: stored.learner.course_ids_from(0).collect(),
                standings_stored: stored.standings_stored,
                memory_bytes: memory_of(&stored.learner),
                // As if an entry had just touched it, so that not all learners are stopped soon
                // after a start.
                touched_ms: self.state.log_time_ms(),
            };
            let resident = ResidentLearner::of(stored, Arc::clone(&self.blocks));
            let learner = LearnerRef::spawn(resident, self.supervisor.clone()).await;
            let learner = learner.map_err(|error| error.to_string())?;
            let place = self.directory.insert(&user_id, learner.clone(), activated);
            active.push((place, learner));
        }
        self.events.activated(active.len());
        Ok(active)
    }

    /// Publishes the shard's view after an entry.
    pub fn publish(&self, index: u64) {
        self.views.publish(View::of(&self.state, index));
    }
}

fn count_amended(applied: &[GroupApplied]) -> usize {
    let amends = |verdict: &&Verdict| matches!(verdict, Verdict::Accepted { amends: true, .. });
    applied
        .iter()
        .map(|applied| applied.verdicts.iter().filter(amends).count())
        .sum()
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
