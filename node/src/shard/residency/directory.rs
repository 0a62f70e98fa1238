//! The active learners of a shard, and which of them may be passivated.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use homeroom_core::learner::Standing;
use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::{mpsc, watch};

use super::{
    memory::LearnerMemory,
    retirement::{Retirement, Settled},
};
use crate::learner::{ACTOR_BYTES, GroupApplied, LearnerMessage, LearnerRef, Save, Saved};
use crate::raft::UNSAVED_BYTES_DUE;

/// Upper bound of the time from a learner's newest event to the end of its last emitted window, ms.
const SETTLES_WITHIN_MS: i64 = 60_000;

/// Bound of what one capture stores of learners that are to be passivated, bytes. It comes on top
/// of the estimate of unsaved bytes and is within a commit's bound. A learner larger than this is
/// passivated alone.
const LEAVING_BYTES_MAX: u64 = 64 << 20;

/// Memory of a standing kept in the directory, bytes.
const STANDING_BYTES: u64 = 384;

/// How far a learner is with the capture that is not durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaptureState {
    /// Not part of the capture.
    Idle,
    /// Must hand over its state before an entry touches it.
    Due,
    /// The request for its state was sent.
    Requested,
}

/// Learners with an actor. The shard changes it between entries; queries look actors up.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(super) learners: Arc<Mutex<Learners>>,
    /// Number of versions given out so far.
    versions: Arc<AtomicU64>,
    /// Memory of all learners of the node.
    memory: Arc<LearnerMemory>,
    /// Upper bound of the size of the shard's next capture, bytes.
    pub(super) unsaved_bytes: Arc<watch::Sender<u64>>,
}

/// Index of a learner in the directory. It does not change while an entry is applied or the learner
/// is saved.
pub type Place = usize;

/// An active learner and its index.
pub type ActiveRef = (Place, LearnerRef);

#[derive(Debug, Default)]
pub(super) struct Learners {
    /// Invariant: contains exactly the learners in `active`, each with its index there.
    places: HashMap<Box<str>, Place, foldhash::fast::RandomState>,
    pub(super) active: Slab<Active>,
    /// Size of the learners whose standings are wanted, bytes.
    pub(super) leaving_bytes: u64,
    /// No learner is idle while windows are settled only to an earlier event time than this, ms.
    /// Until then a scan is skipped.
    none_idle_before_ms: i64,
    /// Event time to which windows were settled at the last scan, ms. A change of settings may
    /// lower it.
    last_settled_ms: i64,
    /// Receives the learners' states while a capture is collected.
    pub(super) saved: Option<mpsc::Sender<Saved>>,
    /// Index of the newest entry in the last capture.
    pub(super) saved_at: u64,
    /// The same for the last durable capture; 0 before the first capture since the start.
    pub(super) durable_index: u64,
}

#[derive(Debug)]
pub(super) struct Active {
    pub(super) learner: LearnerRef,
    last_event_ms: i64,
    /// Log time of the last entry that touched it, ms.
    touched_ms: i64,
    /// Memory of the learner, its actor and the kept standings, bytes.
    memory_bytes: u64,
    /// Memory of the kept standings, bytes.
    kept_bytes: u64,
    /// Differs from what the last capture took.
    pub(super) unsaved: bool,
    pub(super) unsaved_bytes: u64,
    pub(super) capture: CaptureState,
    /// Grows with each entry that touches the learner, and with each activation; from 1.
    version: u64,
    courses: Vec<Seat>,
    pub(super) standings: Standings,
    /// All its windows were settled at the last scan.
    is_idle: bool,
}

/// An active learner that an entry is about to touch.
#[derive(Debug)]
pub struct TouchedLearner {
    /// Its index in the directory.
    pub place: Place,
    /// Receives messages for it.
    pub learner: LearnerRef,
    /// Request to send before the events, if a capture waits for the learner.
    pub save: Option<Save>,
}

/// What is known of a learner when it is activated.
#[derive(Debug)]
pub struct Activation {
    /// Time of its newest event, ms.
    pub last_event_ms: i64,
    /// Ids of its courses.
    pub courses: Vec<Box<str>>,
    /// Whether its stored standings match its stored state.
    pub standings_stored: bool,
    /// Memory of the learner and its actor, bytes.
    pub memory_bytes: u64,
    /// Log time, ms.
    pub touched_ms: i64,
}

/// How the stored standings of a learner relate to its state. Standings are not read from the store
/// while the learner is active, so they are written only before it is passivated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standings {
    /// Older than its newest events, or absent.
    Behind,
    /// The next capture stores them. The value is by how much this learner enlarges it, bytes.
    Wanted(u64),
    /// Current, or part of the present capture.
    Stored,
}

/// A learner's membership in a course.
#[derive(Debug)]
struct Seat {
    course_id: Box<str>,
    /// The standing computed last, with the learner's version at that time.
    standing: Option<(u64, Arc<Standing>)>,
}

/// A learner in a course.
#[derive(Debug)]
pub struct Member {
    /// The learner's id.
    pub user_id: Box<str>,
    /// Computes the standing when it is not known.
    pub learner: LearnerRef,
    /// The learner's version when it was looked up.
    pub version: u64,
    /// The standing, if it was computed since the learner's last event.
    pub standing: Option<Arc<Standing>>,
}

impl Directory {
    /// An empty directory that adds its learners' memory to the node's total.
    pub fn new(memory: Arc<LearnerMemory>) -> Self {
        Self {
            learners: Arc::default(),
            versions: Arc::default(),
            memory,
            unsaved_bytes: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Stops all learners and forgets them: the store has other records now.
    ///
    /// Call this between entries only.
    pub fn clear(&self) {
        let mut learners = self.learners.lock();
        let before = std::mem::take(&mut *learners);
        drop(learners);
        for (_, active) in &before.active {
            let bytes = active.memory_bytes.cast_signed();
            self.memory.grow(-bytes);
            if active.is_idle {
                self.memory.grow_idle(-bytes);
            }
            // A learner that can't receive it has stopped.
            let _ = active.learner.enqueue(LearnerMessage::Retire);
        }
        self.unsaved_bytes.send_replace(0);
    }

    /// The actor of a learner, if it is active.
    pub fn get(&self, user_id: &str) -> Option<LearnerRef> {
        let learners = self.learners.lock();
        let place = *learners.places.get(user_id)?;
        Some(learners.active[place].learner.clone())
    }

    /// The active ones among the learners that an entry is about to touch, in their order. A
    /// learner that a capture still waits for must hand over its present state first.
    pub fn entry_targets<'u>(
        &self,
        user_ids: impl Iterator<Item = &'u str>,
    ) -> Vec<Option<TouchedLearner>> {
        let mut learners = self.learners.lock();
        let places = user_ids.map(|user_id| learners.places.get(user_id).copied());
        let places: Vec<Option<Place>> = places.collect();
        // Most of these are in no cache. Prefetching all of them lets the processor fetch many
        // cache lines at a time; cloning each reference in this loop would prevent that.
        for place in places.iter().flatten() {
            learners.active[*place].learner.prefetch();
        }
        let mut find = |place: Place| TouchedLearner {
            place,
            learner: learners.active[place].learner.clone(),
            save: learners.take_save_request(place),
        };
        let found = places.into_iter().map(|place| place.map(&mut find));
        found.collect()
    }

    /// Adds a learner that was activated.
    pub fn insert(&self, user_id: &str, learner: LearnerRef, activated: Activation) -> Place {
        let active = Active {
            learner,
            last_event_ms: activated.last_event_ms,
            touched_ms: activated.touched_ms,
            memory_bytes: activated.memory_bytes,
            kept_bytes: 0,
            unsaved: false,
            unsaved_bytes: 0,
            capture: CaptureState::Idle,
            version: self.next_version(),
            courses: activated.courses.into_iter().map(Seat::new).collect(),
            standings: if activated.standings_stored {
                Standings::Stored
            } else {
                Standings::Behind
            },
            is_idle: false,
        };
        self.memory.grow(active.memory_bytes.cast_signed());
        let mut learners = self.learners.lock();
        learners.none_idle_before_ms = learners.none_idle_before_ms.min(active.settles_ms());
        let place = learners.active.insert(active);
        learners.places.insert(user_id.into(), place);
        place
    }

    /// Records what an entry did to its learners.
    pub fn note_applied<'a>(
        &self,
        log_time_ms: i64,
        applied: impl Iterator<Item = (Place, &'a mut GroupApplied)>,
    ) {
        let mut learners = self.learners.lock();
        let (mut more_bytes, mut grown_bytes, mut stayed_bytes) = (0, 0_i64, 0);
        for (place, applied) in applied {
            let active = &mut learners.active[place];
            active.last_event_ms = applied.last_event_ms;
            active.touched_ms = log_time_ms;
            active.unsaved = true;
            stayed_bytes += active.standings.leaving_bytes();
            active.standings = Standings::Behind;
            if std::mem::take(&mut active.is_idle) {
                self.memory.grow_idle(-active.memory_bytes.cast_signed());
            }
            active.version = self.next_version();
            let joined = std::mem::take(&mut applied.joined);
            active.courses.extend(joined.into_iter().map(Seat::new));
            more_bytes += applied.unsaved_bytes.saturating_sub(active.unsaved_bytes);
            active.unsaved_bytes = applied.unsaved_bytes.max(active.unsaved_bytes);
            let bytes = applied.memory_bytes + active.kept_bytes;
            grown_bytes += bytes.cast_signed() - active.memory_bytes.cast_signed();
            active.memory_bytes = bytes;
        }
        learners.leaving_bytes -= stayed_bytes;
        drop(learners);
        self.memory.grow(grown_bytes);
        self.unsaved_bytes.send_if_modified(|bytes| {
            let was_due = *bytes >= UNSAVED_BYTES_DUE;
            *bytes += more_bytes;
            !was_due && *bytes >= UNSAVED_BYTES_DUE
        });
    }

    /// Upper bound of the size of the next capture, bytes; see
    /// [`Replicated::unsaved_bytes`](crate::raft::Replicated::unsaved_bytes).
    pub fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        self.unsaved_bytes.subscribe()
    }

    /// Memory of all learners of the node.
    pub fn memory(&self) -> &LearnerMemory {
        &self.memory
    }

    /// Stops the learners that may be stopped: nothing unsaved, all windows settled, not touched
    /// for long or to be given back early. Returns how many. A learner that only lacks durable
    /// state or standings is marked, so that the next capture stores both.
    ///
    /// Call this between entries only: an actor must not stop while an entry still has a message
    /// for it.
    pub fn retire(&self, retirement: Retirement) -> usize {
        let mut learners = self.learners.lock();
        let Learners {
            places,
            active,
            leaving_bytes,
            none_idle_before_ms,
            last_settled_ms,
            ..
        } = &mut *learners;
        let last_settled_ms = std::mem::replace(last_settled_ms, retirement.settled_ms);
        if (last_settled_ms..*none_idle_before_ms).contains(&retirement.settled_ms) {
            return 0;
        }
        *none_idle_before_ms = i64::MAX;
        let settled = active.iter().filter_map(|(_, learner)| {
            let is_settled = learner.settles_ms() <= retirement.settled_ms;
            is_settled.then_some(Settled {
                version: learner.version,
                touched_ms: learner.touched_ms,
                memory_bytes: learner.memory_bytes,
            })
        });
        let early_until = retirement.early_until(settled);
        let before = active.len();
        places.retain(|_, place| {
            let learner = &mut active[*place];
            let is_settled = learner.settles_ms() <= retirement.settled_ms;
            let is_untouched = learner.touched_ms <= retirement.untouched_since_ms;
            let leaves = is_settled && (is_untouched || learner.version <= early_until);
            let more_bytes = learner.leaving_bytes();
            if leaves
                && learner.standings == Standings::Behind
                && (*leaving_bytes == 0 || *leaving_bytes + more_bytes <= LEAVING_BYTES_MAX)
            {
                learner.standings = Standings::Wanted(more_bytes);
                *leaving_bytes += more_bytes;
            }
            let stays = !leaves || !learner.is_stored();
            let is_idle = is_settled && stays;
            let moved = i64::from(is_idle) - i64::from(learner.is_idle);
            learner.is_idle = is_idle;
            self.memory
                .grow_idle(moved * learner.memory_bytes.cast_signed());
            if !stays {
                let active = active.remove(*place);
                self.memory.grow(-active.memory_bytes.cast_signed());
                // If the actor has already stopped, the result is the same.
                let _ = active.learner.enqueue(LearnerMessage::Retire);
            } else {
                *none_idle_before_ms = learner.settles_ms().min(*none_idle_before_ms);
            }
            stays
        });
        before - active.len()
    }

    /// Whether learners can be stopped once the next capture has stored their standings.
    pub fn are_some_leaving(&self) -> bool {
        self.learners.lock().leaving_bytes > 0
    }

    /// Caches the standings of members in a course until an entry touches them.
    pub fn keep_standings<'m>(
        &self,
        course_id: &str,
        members: impl Iterator<Item = (&'m Member, Arc<Standing>)>,
    ) {
        let mut learners = self.learners.lock();
        for (member, standing) in members {
            let Some(place) = learners.places.get(&member.user_id).copied() else {
                continue;
            };
            let active = &mut learners.active[place];
            let mut seats = active.courses.iter_mut();
            let Some(seat) = seats.find(|seat| seat.is_in(course_id)) else {
                continue;
            };
            let before = seat.standing.replace((member.version, standing));
            if before.is_none() {
                active.kept_bytes += STANDING_BYTES;
                let without = active.memory_bytes - (active.kept_bytes - STANDING_BYTES);
                self.note_size(active, without);
            }
        }
    }

    /// Number of active learners.
    pub fn len(&self) -> usize {
        self.learners.lock().active.len()
    }

    /// Records a learner's new memory use, bytes.
    pub(super) fn note_size(&self, active: &mut Active, bytes: u64) {
        let bytes = bytes + active.kept_bytes;
        let more = bytes.cast_signed() - active.memory_bytes.cast_signed();
        self.memory.grow(more);
        if active.is_idle {
            self.memory.grow_idle(more);
        }
        active.memory_bytes = bytes;
    }

    fn next_version(&self) -> u64 {
        1 + self.versions.fetch_add(1, Ordering::Relaxed)
    }
}

impl Learners {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Box<str>, &Active)> {
        self.places
            .iter()
            .map(|(user_id, place)| (user_id, &self.active[*place]))
    }
}

impl Active {
    /// Event time at which all its windows are settled, ms. A learner without accepted events is
    /// always settled.
    fn settles_ms(&self) -> i64 {
        match self.last_event_ms {
            i64::MIN => i64::MIN,
            last_event_ms => last_event_ms.saturating_add(SETTLES_WITHIN_MS),
        }
    }

    /// Whether all of it is durable.
    fn is_stored(&self) -> bool {
        !self.unsaved && self.capture == CaptureState::Idle && self.standings == Standings::Stored
    }

    /// Upper bound of what it adds to a capture that stores all of it, bytes; at least 1.
    fn leaving_bytes(&self) -> u64 {
        self.memory_bytes.saturating_sub(ACTOR_BYTES).max(1)
    }

    /// Ids of its courses, in no order.
    pub(super) fn course_ids(&self) -> impl Iterator<Item = &str> {
        self.courses.iter().map(|seat| &*seat.course_id)
    }

    /// The learner as a member of a course; `None` if it is not in the course.
    pub(super) fn member(&self, user_id: &str, course_id: &str) -> Option<Member> {
        let seat = self.courses.iter().find(|seat| seat.is_in(course_id))?;
        let standing = seat.standing.as_ref();
        Some(Member {
            user_id: user_id.into(),
            learner: self.learner.clone(),
            version: self.version,
            standing: standing
                .filter(|(version, _)| *version == self.version)
                .map(|(_, standing)| Arc::clone(standing)),
        })
    }
}

impl Standings {
    /// By how much the learner enlarges the next capture, bytes; 0 unless its standings are wanted.
    pub(super) fn leaving_bytes(self) -> u64 {
        match self {
            Self::Wanted(bytes) => bytes,
            Self::Behind | Self::Stored => 0,
        }
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

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
