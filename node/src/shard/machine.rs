//! What a shard replicates: entries grouped by learner, each learner told once, the outcomes counted.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use homeroom_core::{
    Refusal,
    entry::{Command, Entry, Record, Records},
    learner::{Learner, Verdict},
    shard::{EntryContext, Outcome, RecordVerdict, ShardState},
};
use ractor::{Actor, ActorCell, ActorRef};
use tokio::sync::{mpsc, watch};

use super::{
    directory::{Directory, Retirement},
    sweeper::Sweeper,
    view::View,
    watchers::Watchers,
};
use crate::{
    learner::{
        Advance, Apply, GroupApplied, LearnerActor, LearnerMessage, Save, Stored, dead_letter_key,
        load, record_changes,
    },
    raft::{Applied, Capture, Replicated},
    store::checkpoint::CheckpointStore,
};

/// What happens in a shard that somebody may want to count.
pub trait ShardEvents: Send + Sync + 'static {
    /// An entry was applied, with these outcomes.
    fn applied(&self, outcomes: &[Outcome], amended: usize);
    /// Learners were woken from the store, or met for the first time.
    fn woken(&self, learners: usize);
    /// Learners were stopped.
    fn retired(&self, learners: usize);
    /// Windows were emitted: for the first time, and anew.
    fn emitted(&self, closed: usize, corrected: usize);
    /// The process can't go on.
    fn fatal(&self, why: &str);
}

/// The replicated part of a shard.
pub struct ShardMachine {
    pub shard: u16,
    pub state: ShardState,
    pub directory: Directory,
    pub store: Arc<CheckpointStore>,
    pub view: watch::Sender<Arc<View>>,
    pub watchers: Watchers,
    pub supervisor: ActorCell,
    pub events: Arc<dyn ShardEvents>,
    /// A learner untouched for this long may be stopped, ms of log time.
    pub passivate_after_ms: i64,
    pub sweeper: Sweeper,
    /// Learners of the present entry whose watchers are to be told.
    pub changed: Vec<Box<str>>,
}

/// An entry's deliveries, sorted by learner.
#[derive(Default)]
struct Groups<'a> {
    users: Vec<&'a str>,
    events: Vec<Vec<Bytes>>,
    /// For each delivery in order: its learner's group and its place there; or the refusal.
    order: Vec<Ordered<'a>>,
}

enum Ordered<'a> {
    Event {
        group: usize,
        place: usize,
        encoded: &'a [u8],
    },
    Refused(Refusal<'a>),
}

impl Replicated for ShardMachine {
    async fn apply(&mut self, index: u64, payload: Bytes) -> Applied {
        let entry = match Entry::decode(&payload) {
            Ok(entry) => entry,
            // Its checksum was right: a newer build wrote it. To go on would be to differ from those who know it.
            Err(error) => return self.give_up(&format!("entry {index} can't be applied: {error}")),
        };
        let context = Arc::new(self.state.begin(index, entry.log_time_ms));
        let applied = match entry.command {
            Command::Batch(records) => self.apply_batch(&context, records, &payload).await,
            Command::Tick => {
                self.state.finish(&context, std::iter::empty());
                Applied::Done
            }
            Command::Settings(settings) => {
                // Two changes may reach the shard in the other order: the newer one holds.
                if settings.version >= self.state.settings().version {
                    self.state.set_settings(*settings);
                }
                self.state.finish(&context, std::iter::empty());
                Applied::Done
            }
            Command::Letters(work) => {
                self.state.work_letters(work);
                self.state.finish(&context, std::iter::empty());
                Applied::Done
            }
        };
        self.emit_closings(&context).await;
        self.publish(index);
        // Who is told now reads what is published already.
        self.watchers.tell(
            std::mem::take(&mut self.changed)
                .iter()
                .map(|user_id| &**user_id),
        );
        applied
    }

    fn capture(&mut self) -> Capture {
        let letters: Vec<_> = self
            .state
            .dead_letters_mut()
            .take_changes()
            .into_iter()
            .map(|change| (dead_letter_key(change.number), change.bytes))
            .collect();
        let expired = self.sweeper.expired(self.state.read_point().floor_ms);
        let actors = self.directory.begin_saving();
        let (reply, mut saved) = mpsc::channel(actors.len().max(1));
        // Sent between two entries: each actor hands over its state at exactly this boundary, whatever is sent to it later.
        for actor in &actors {
            let _ = actor.send_message(LearnerMessage::Save(Save {
                reply: reply.clone(),
            }));
        }
        let changes = async move {
            drop(reply);
            // First, so that a learner's own word on the same record comes later and holds.
            let mut changes = expired.await;
            changes.extend(letters);
            while let Some(saved) = saved.recv().await {
                changes.extend(record_changes(saved));
            }
            changes
        };
        Capture {
            state: self.state.encode(),
            changes: changes.boxed(),
        }
    }

    fn captured(&mut self) {
        self.directory.end_saving();
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
    ) -> Applied {
        let mut groups = match Groups::of(records, payload) {
            Ok(groups) => groups,
            Err(error) => {
                return self.give_up(&format!(
                    "entry {} can't be applied: {error}",
                    context.index
                ));
            }
        };
        let actors = match self.actors(&groups.users).await {
            Ok(actors) => actors,
            Err(error) => return self.give_up(&error),
        };
        let Some(mut applied) = tell(context, &mut groups, &actors).await else {
            return self.give_up("a learner stopped while it was applying an entry");
        };
        let pairs = groups.users.iter().copied().zip(&mut applied);
        self.directory.note_applied(context.log_time_ms, pairs);
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
        self.events.applied(&outcomes, amended);
        self.events.emitted(
            0,
            applied
                .iter()
                .map(|applied| applied.corrected_windows)
                .sum(),
        );
        if self.watchers.are_any() {
            self.changed = users.iter().map(|user_id| (*user_id).into()).collect();
        }
        Applied::Outcomes(outcomes)
    }

    /// Stops the learners that have long been left alone and whose state is durable; to be called between entries.
    pub fn passivate(&self, now_ms: i64, memory_is_short: bool) {
        let untouched_ms = if memory_is_short {
            0
        } else {
            self.passivate_after_ms
        };
        let allowed_lateness_ms = self.state.settings().allowed_lateness_ms;
        let retired = self.directory.retire(Retirement {
            settled_ms: self
                .state
                .emitted_to_ms()
                .saturating_sub(allowed_lateness_ms),
            untouched_since_ms: now_ms.saturating_sub(untouched_ms),
        });
        self.events.retired(retired);
    }

    /// The actors of these learners, in their order; those that are not active are woken.
    async fn actors(&self, users: &[&str]) -> Result<Vec<ActorRef<LearnerMessage>>, String> {
        let known = self.directory.get_all(users.iter().copied());
        let asleep: Vec<&str> = users
            .iter()
            .zip(&known)
            .filter(|(_, actor)| actor.is_none())
            .map(|(user, _)| *user)
            .collect();
        let mut woken = self.wake(&asleep).await?.into_iter();
        Ok(known
            .into_iter()
            .filter_map(|actor| actor.or_else(|| woken.next()))
            .collect())
    }

    /// Wakes learners from their stored states, or begins them anew.
    pub async fn wake(&self, users: &[&str]) -> Result<Vec<ActorRef<LearnerMessage>>, String> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        // Reads of a few records, most of them in sled's cache; entries wait for them either way.
        let learners: Vec<Stored> = tokio::task::block_in_place(|| {
            let stored = |user_id: &&str| {
                load(&self.store, self.shard, user_id).map(|stored| {
                    stored.unwrap_or_else(|| Stored {
                        learner: Learner::new(user_id),
                        head_bytes: 0,
                    })
                })
            };
            users.iter().map(stored).collect::<Result<_, _>>()
        })
        .map_err(|error| error.to_string())?;
        let mut actors = Vec::with_capacity(users.len());
        for stored in learners {
            let user_id = Box::<str>::from(stored.learner.user_id());
            let last_event_ms = stored.learner.last_event_ms();
            let courses = stored.learner.course_ids().map(Into::into).collect();
            let spawned =
                Actor::spawn_linked(None, LearnerActor, stored, self.supervisor.clone()).await;
            let (actor, _ended) = spawned.map_err(|error| error.to_string())?;
            self.directory
                .insert(&user_id, actor.clone(), last_event_ms, courses);
            actors.push(actor);
        }
        self.events.woken(actors.len());
        Ok(actors)
    }

    /// Has the learners emit their windows that closed.
    async fn emit_closings(&mut self, context: &Arc<EntryContext>) {
        let Some(span) = self.state.take_emission_span() else {
            return;
        };
        let sizes_ms = context.settings.windows.iter().map(|shape| shape.size_ms);
        let largest_ms = sizes_ms.max().unwrap_or_default();
        let since_ms = span.from_ms.saturating_sub(largest_ms);
        let actors = self.directory.with_events_since(since_ms);
        let (reply, mut answers) = mpsc::channel(actors.len().max(1));
        for actor in &actors {
            let advance = Advance {
                span,
                at: self.state.read_point(),
                context: Arc::clone(context),
                reply: reply.clone(),
            };
            let _ = actor.send_message(LearnerMessage::Advance(advance));
        }
        drop(reply);
        let mut closed = 0;
        while let Some(windows) = answers.recv().await {
            closed += windows;
        }
        self.events.emitted(closed, 0);
    }

    /// Shows the shard as it is after an entry.
    pub fn publish(&self, index: u64) {
        self.view
            .send_replace(Arc::new(view_of(&self.state, index)));
    }

    fn give_up(&self, why: &str) -> Applied {
        let why = format!("shard {}: {why}", self.shard);
        self.events.fatal(&why);
        Applied::Refused(why)
    }
}

/// The view of a shard's state after an entry.
pub fn view_of(state: &ShardState, index: u64) -> View {
    View {
        applied_index: index,
        at: state.read_point(),
        freshness: state.freshness(),
        watermark_lag_ms: state.watermark_lag_ms(),
        settings: Arc::clone(state.settings()),
        log_time_ms: state.log_time_ms(),
        clock_raised_ms: state.clock_raised_ms(),
        next_due_ms: state.next_due_ms(),
    }
}

impl<'a> Groups<'a> {
    fn of(
        records: Records<'a>,
        payload: &Bytes,
    ) -> Result<Self, homeroom_core::entry::EntryDecodeError> {
        let mut groups = Self {
            order: Vec::with_capacity(records.len()),
            ..Self::default()
        };
        let mut by_user: HashMap<&str, usize> = HashMap::new();
        for record in records {
            match record? {
                Record::Event { user_id, event } => {
                    let group = *by_user.entry(user_id).or_insert_with(|| {
                        groups.users.push(user_id);
                        groups.events.push(Vec::new());
                        groups.users.len() - 1
                    });
                    let place = groups.events[group].len();
                    groups.events[group].push(payload.slice_ref(event));
                    groups.order.push(Ordered::Event {
                        group,
                        place,
                        encoded: event,
                    });
                }
                Record::Refused(refusal) => groups.order.push(Ordered::Refused(refusal)),
            }
        }
        Ok(groups)
    }
}

/// One message for each learner; the answers in the order of the groups. `None` when an actor did not answer.
async fn tell(
    context: &Arc<EntryContext>,
    groups: &mut Groups<'_>,
    actors: &[ActorRef<LearnerMessage>],
) -> Option<Vec<GroupApplied>> {
    let count = actors.len();
    let (reply, mut answers) = mpsc::channel(count.max(1));
    for (group, (actor, events)) in actors
        .iter()
        .zip(std::mem::take(&mut groups.events))
        .enumerate()
    {
        let apply = Apply {
            context: Arc::clone(context),
            events,
            group,
            reply: reply.clone(),
        };
        actor.send_message(LearnerMessage::Apply(apply)).ok()?;
    }
    drop(reply);
    let mut applied: Vec<Option<GroupApplied>> = (0..count).map(|_| None).collect();
    while let Some(answer) = answers.recv().await {
        let group = answer.group;
        applied[group] = Some(answer);
    }
    applied.into_iter().collect()
}

fn count_amended(applied: &[GroupApplied]) -> usize {
    let amends = |verdict: &&Verdict| matches!(verdict, Verdict::Accepted { amends: true });
    applied
        .iter()
        .map(|applied| applied.verdicts.iter().filter(amends).count())
        .sum()
}
