//! The active learners of a shard: who has an actor, and which of them may stop.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use homeroom_core::learner::Standing;
use ractor::ActorRef;
use tokio::sync::watch;

use crate::learner::{GroupApplied, LearnerMessage};

/// How long after its newest event all windows of a learner are settled, at least, ms: the largest emitted window, and the
/// largest allowed lateness beside.
const SETTLES_WITHIN_MS: i64 = 60_000;

/// What a learner takes until it says so itself, bytes.
const IDLE_ACTOR_BYTES: u64 = 10_000;

/// Learners with an actor. The shard changes it between entries; queries look actors up.
#[derive(Clone, Debug)]
pub struct Directory {
    active: Arc<Mutex<HashMap<Box<str>, Active>>>,
    /// Given out so far.
    versions: Arc<AtomicU64>,
    /// Memory of all learners of the node, bytes.
    node_bytes: Arc<AtomicU64>,
    /// What the next capture of the shard comes to at most, bytes.
    unsaved_bytes: Arc<watch::Sender<u64>>,
}

#[derive(Debug)]
struct Active {
    actor: ActorRef<LearnerMessage>,
    last_event_ms: i64,
    /// Log time of the last entry that touched it, ms.
    touched_ms: i64,
    memory_bytes: u64,
    /// Differs from what the last capture took.
    unsaved: bool,
    unsaved_bytes: u64,
    /// Part of a capture that is not durable yet.
    saving: bool,
    /// Another one after each entry that touched it, and each time it is woken.
    version: u64,
    courses: Vec<Seat>,
}

/// A learner's place in a course.
#[derive(Debug)]
struct Seat {
    course_id: Box<str>,
    /// As it was last asked for, and at which version of the learner.
    standing: Option<(u64, Arc<Standing>)>,
}

/// A learner in a course.
#[derive(Debug)]
pub struct Member {
    /// The learner.
    pub user_id: Box<str>,
    /// To ask, when the standing isn't known.
    pub actor: ActorRef<LearnerMessage>,
    /// Of the learner, when it was looked up.
    pub version: u64,
    /// How it stands, if that has been asked for since its last event.
    pub standing: Option<Arc<Standing>>,
}

/// Which learners may be stopped.
#[derive(Clone, Copy, Debug)]
pub struct Retirement {
    /// Windows before this are settled and told of, ms of event time.
    pub settled_ms: i64,
    /// Learners not touched since this log time, ms.
    pub untouched_since_ms: i64,
}

impl Directory {
    /// An empty one, that adds what its learners take to the node's sum.
    pub fn new(node_bytes: Arc<AtomicU64>) -> Self {
        Self {
            active: Arc::default(),
            versions: Arc::default(),
            node_bytes,
            unsaved_bytes: Arc::new(watch::Sender::new(0)),
        }
    }

    /// The actor of a learner, if it is active.
    pub fn get(&self, user_id: &str) -> Option<ActorRef<LearnerMessage>> {
        self.lock().get(user_id).map(|active| active.actor.clone())
    }

    /// The actors of these learners, in their order.
    pub fn get_all<'u>(
        &self,
        user_ids: impl Iterator<Item = &'u str>,
    ) -> Vec<Option<ActorRef<LearnerMessage>>> {
        let active = self.lock();
        user_ids
            .map(|user_id| active.get(user_id).map(|active| active.actor.clone()))
            .collect()
    }

    /// Notes a learner that was woken.
    pub fn insert(
        &self,
        user_id: &str,
        actor: ActorRef<LearnerMessage>,
        last_event_ms: i64,
        courses: Vec<Box<str>>,
    ) {
        let active = Active {
            actor,
            last_event_ms,
            touched_ms: 0,
            memory_bytes: IDLE_ACTOR_BYTES,
            unsaved: false,
            unsaved_bytes: 0,
            saving: false,
            version: self.next_version(),
            courses: courses.into_iter().map(Seat::new).collect(),
        };
        self.node_bytes
            .fetch_add(IDLE_ACTOR_BYTES, Ordering::Relaxed);
        self.lock().insert(user_id.into(), active);
    }

    /// Notes what an entry did to its learners.
    pub fn note_applied<'a>(
        &self,
        log_time_ms: i64,
        applied: impl Iterator<Item = (&'a str, &'a mut GroupApplied)>,
    ) {
        let mut all = self.lock();
        let mut more_bytes = 0;
        for (user_id, applied) in applied {
            if let Some(active) = all.get_mut(user_id) {
                active.last_event_ms = applied.last_event_ms;
                active.touched_ms = log_time_ms;
                active.unsaved = true;
                active.version = self.next_version();
                let joined = std::mem::take(&mut applied.joined);
                active.courses.extend(joined.into_iter().map(Seat::new));
                more_bytes += applied.unsaved_bytes.saturating_sub(active.unsaved_bytes);
                active.unsaved_bytes = applied.unsaved_bytes.max(active.unsaved_bytes);
                self.node_bytes
                    .fetch_sub(active.memory_bytes, Ordering::Relaxed);
                self.node_bytes
                    .fetch_add(applied.memory_bytes, Ordering::Relaxed);
                active.memory_bytes = applied.memory_bytes;
            }
        }
        drop(all);
        self.unsaved_bytes.send_modify(|bytes| *bytes += more_bytes);
    }

    /// What the next capture comes to at most, bytes; to hear of it as it changes.
    pub fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        self.unsaved_bytes.subscribe()
    }

    /// Actors whose newest event is at or after a time.
    pub fn with_events_since(&self, since_ms: i64) -> Vec<ActorRef<LearnerMessage>> {
        self.lock()
            .values()
            .filter(|active| active.last_event_ms >= since_ms)
            .map(|active| active.actor.clone())
            .collect()
    }

    /// Actors with something unsaved, which now counts as being saved.
    pub fn begin_saving(&self) -> Vec<ActorRef<LearnerMessage>> {
        self.unsaved_bytes.send_replace(0);
        self.lock()
            .values_mut()
            .filter(|active| active.unsaved)
            .map(|active| {
                active.unsaved = false;
                active.unsaved_bytes = 0;
                active.saving = true;
                active.actor.clone()
            })
            .collect()
    }

    /// What was being saved is durable.
    pub fn end_saving(&self) {
        for active in self.lock().values_mut() {
            active.saving = false;
        }
    }

    /// Stops the learners that may be stopped: nothing unsaved, all windows settled, long untouched. Returns how many.
    ///
    /// To be called between entries only: an actor that an entry still has a message for must not stop.
    pub fn retire(&self, retirement: Retirement) -> usize {
        let mut retired = 0;
        self.lock().retain(|_, active| {
            let settles_ms = active.last_event_ms.saturating_add(SETTLES_WITHIN_MS);
            let stays = active.unsaved
                || active.saving
                || settles_ms > retirement.settled_ms
                || active.touched_ms > retirement.untouched_since_ms;
            if !stays {
                self.node_bytes
                    .fetch_sub(active.memory_bytes, Ordering::Relaxed);
                // A stopped actor is as good as a retired one.
                let _ = active.actor.send_message(LearnerMessage::Retire);
                retired += 1;
            }
            stays
        });
        retired
    }

    /// The active learners in a course.
    pub fn members(&self, course_id: &str) -> Vec<Member> {
        let active = self.lock();
        active
            .iter()
            .filter_map(|(user_id, active)| {
                let seat = active.seat(course_id)?;
                let standing = seat.standing.as_ref();
                Some(Member {
                    user_id: user_id.clone(),
                    actor: active.actor.clone(),
                    version: active.version,
                    standing: standing
                        .filter(|(version, _)| *version == active.version)
                        .map(|(_, standing)| Arc::clone(standing)),
                })
            })
            .collect()
    }

    /// Keeps how members stand in a course, for as long as nothing touches them.
    pub fn keep_standings<'m>(
        &self,
        course_id: &str,
        members: impl Iterator<Item = (&'m Member, Arc<Standing>)>,
    ) {
        let mut active = self.lock();
        for (member, standing) in members {
            let seat = active
                .get_mut(&member.user_id)
                .and_then(|active| active.courses.iter_mut().find(|seat| seat.is_in(course_id)));
            if let Some(seat) = seat {
                seat.standing = Some((member.version, standing));
            }
        }
    }

    /// The ids of all courses of active learners.
    pub fn course_ids(&self) -> BTreeSet<Box<str>> {
        let active = self.lock();
        let mut ids = BTreeSet::new();
        for seat in active.values().flat_map(|active| &active.courses) {
            if !ids.contains(&seat.course_id) {
                ids.insert(seat.course_id.clone());
            }
        }
        ids
    }

    /// How many learners are active.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// The ids of all active learners.
    pub fn user_ids(&self) -> Vec<Box<str>> {
        self.lock().keys().cloned().collect()
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn seat(&self, course_id: &str) -> Option<&Seat> {
        self.courses.iter().find(|seat| seat.is_in(course_id))
    }
}

impl Seat {
    fn new(course_id: Box<str>) -> Self {
        Self {
            course_id,
            standing: None,
        }
    }

    fn is_in(&self, course_id: &str) -> bool {
        &*self.course_id == course_id
    }
}
