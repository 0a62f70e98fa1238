//! The active learners of a shard: who has an actor, and which of them may stop.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use homeroom_core::learner::{SESSION_GAP_MS, Standing};
use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::{mpsc, watch};

use super::memory::LearnerMemory;
use crate::learner::{ACTOR_BYTES, GroupApplied, LearnerMessage, LearnerRef, Save, Saved};
use crate::raft::UNSAVED_BYTES_DUE;

/// How long after its newest event the last window that is emitted ends, at most, ms.
const SETTLES_WITHIN_MS: i64 = 60_000;

/// What learners come to that one capture stores because they may leave, bytes: no part of the estimate of unsaved bytes, and within
/// a commit's bound beside it. A larger one leaves alone.
const LEAVING_BYTES_MAX: u64 = 64 << 20;

/// How far a learner is with the capture that is not durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaptureState {
    /// It is not part of it.
    Idle,
    /// It has to hand over its state before an entry touches it.
    Due,
    /// It was told to.
    Requested,
}

/// Learners with an actor. The shard changes it between entries; queries look actors up.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(super) learners: Arc<Mutex<Learners>>,
    /// Given out so far.
    versions: Arc<AtomicU64>,
    /// Of all learners of the node.
    memory: Arc<LearnerMemory>,
    /// What the next capture of the shard comes to at most, bytes.
    pub(super) unsaved_bytes: Arc<watch::Sender<u64>>,
}

/// Where a learner is held. Stays the same while an entry is applied, and while the learner is being saved.
pub type Place = usize;

/// An active learner, and where it is held.
pub type ActiveRef = (Place, LearnerRef);

#[derive(Debug, Default)]
pub(super) struct Learners {
    /// Invariant: names exactly the learners in `active`, each with its place there.
    places: HashMap<Box<str>, Place, foldhash::fast::RandomState>,
    pub(super) active: Slab<Active>,
    /// What the learners come to whose standings are wanted, bytes.
    pub(super) leaving_bytes: u64,
    /// Before the windows are settled up to here nobody is idle, ms of event time: there is no need to look.
    none_idle_before_ms: i64,
    /// Up to where they were settled at the last look, ms of event time: a change of settings may take that back.
    last_settled_ms: i64,
    /// Where learners hand over their states while a capture is collected.
    pub(super) saved: Option<mpsc::Sender<Saved>>,
    /// The newest entry at the boundary of the last capture.
    pub(super) saved_at: u64,
    /// The same of the last capture that is durable; before the first since the start nothing counts.
    pub(super) durable_index: u64,
}

#[derive(Debug)]
pub(super) struct Active {
    pub(super) learner: LearnerRef,
    last_event_ms: i64,
    /// Log time of the last entry that touched it, ms.
    touched_ms: i64,
    memory_bytes: u64,
    /// Differs from what the last capture took.
    pub(super) unsaved: bool,
    pub(super) unsaved_bytes: u64,
    pub(super) capture: CaptureState,
    /// Another one after each entry that touched it, and each time it is woken.
    version: u64,
    courses: Vec<Seat>,
    pub(super) standings: Standings,
    /// Counted among those whose windows were all settled when they were last looked at.
    is_idle: bool,
}

/// An active learner that an entry is about to touch.
#[derive(Debug)]
pub struct TouchedLearner {
    /// Where it is held.
    pub place: Place,
    /// To reach it.
    pub learner: LearnerRef,
    /// What it is to be asked for first.
    pub save: Option<Save>,
}

/// What is known of a learner when it is woken.
#[derive(Debug)]
pub struct Activation {
    /// Its newest event, ms.
    pub last_event_ms: i64,
    /// The ids of its courses.
    pub courses: Vec<Box<str>>,
    /// Whether its stored standings are those of its stored state.
    pub standings_stored: bool,
    /// What it takes, with its actor, bytes.
    pub memory_bytes: u64,
    /// Log time, ms.
    pub touched_ms: i64,
}

/// What is stored of how a learner stands in its courses: nobody reads it while the learner is active, so it is written when it may
/// leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standings {
    /// Those of before its newest events, or none.
    Behind,
    /// Those of now are to be part of the next capture, which the learner makes so much larger, bytes.
    Wanted(u64),
    /// Those of now, or they are part of the present capture.
    Stored,
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
    pub learner: LearnerRef,
    /// Of the learner, when it was looked up.
    pub version: u64,
    /// How it stands, if that has been asked for since its last event.
    pub standing: Option<Arc<Standing>>,
}

/// Which learners may be stopped.
#[derive(Clone, Copy, Debug)]
pub struct Retirement {
    /// Windows that end at or before this are settled, ms of event time.
    pub settled_ms: i64,
    /// Learners not touched since this log time, ms.
    pub untouched_since_ms: i64,
}

impl Retirement {
    /// At a watermark, with what is late for up to `allowed_lateness_ms`.
    ///
    /// A lateness beyond a session's gap counts as that much: with all sources silent the watermark comes to rest so much and a minute past
    /// the newest event, and nobody would ever leave.
    pub fn at(watermark_ms: i64, allowed_lateness_ms: i64, untouched_since_ms: i64) -> Self {
        let lateness_ms = allowed_lateness_ms.min(SESSION_GAP_MS);
        Self {
            settled_ms: watermark_ms.saturating_sub(lateness_ms),
            untouched_since_ms,
        }
    }
}

impl Directory {
    /// An empty one, that adds what its learners take to the node's sum.
    pub fn new(memory: Arc<LearnerMemory>) -> Self {
        Self {
            learners: Arc::default(),
            versions: Arc::default(),
            memory,
            unsaved_bytes: Arc::new(watch::Sender::new(0)),
        }
    }

    /// The actor of a learner, if it is active.
    pub fn get(&self, user_id: &str) -> Option<LearnerRef> {
        let learners = self.learners.lock();
        let place = *learners.places.get(user_id)?;
        Some(learners.active[place].learner.clone())
    }

    /// The learners that an entry is about to touch, in their order, where they are active. Those of whom a capture is not collected
    /// yet have to hand over the state that they have now, before anything else.
    pub fn entry_targets<'u>(
        &self,
        user_ids: impl Iterator<Item = &'u str>,
    ) -> Vec<Option<TouchedLearner>> {
        let mut learners = self.learners.lock();
        let places = user_ids.map(|user_id| learners.places.get(user_id).copied());
        let places: Vec<Option<Place>> = places.collect();
        // None of these is in a cache, as a rule: so the processor fetches many at a time, which counting references would prevent.
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

    /// Notes a learner that was woken.
    pub fn insert(&self, user_id: &str, learner: LearnerRef, activated: Activation) -> Place {
        let active = Active {
            learner,
            last_event_ms: activated.last_event_ms,
            touched_ms: activated.touched_ms,
            memory_bytes: activated.memory_bytes,
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

    /// Notes what an entry did to its learners.
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
            grown_bytes += applied.memory_bytes.cast_signed() - active.memory_bytes.cast_signed();
            active.memory_bytes = applied.memory_bytes;
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

    /// What the next capture comes to at most, bytes; see [`Replicated::unsaved_bytes`](crate::raft::Replicated::unsaved_bytes).
    pub fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        self.unsaved_bytes.subscribe()
    }

    /// Stops the learners that may be stopped: nothing unsaved, all windows settled, long untouched. Returns how many. Those who could but
    /// for what is not stored have it stored, their standings too, with the next capture first.
    ///
    /// To be called between entries only: an actor that an entry still has a message for must not stop.
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
        let before = active.len();
        places.retain(|_, place| {
            let learner = &mut active[*place];
            let is_settled = learner.settles_ms() <= retirement.settled_ms;
            let leaves = is_settled && learner.touched_ms <= retirement.untouched_since_ms;
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
                // A stopped actor is as good as a retired one.
                let _ = active.learner.enqueue(LearnerMessage::Retire);
            } else {
                *none_idle_before_ms = learner.settles_ms().min(*none_idle_before_ms);
            }
            stays
        });
        before - active.len()
    }

    /// Whether some may stop once the next capture has stored how they stand.
    pub fn are_some_leaving(&self) -> bool {
        self.learners.lock().leaving_bytes > 0
    }

    /// The active learners in a course.
    pub fn members(&self, course_id: &str) -> Vec<Member> {
        let learners = self.learners.lock();
        learners
            .iter()
            .filter_map(|(user_id, active)| {
                let seat = active.seat(course_id)?;
                let standing = seat.standing.as_ref();
                Some(Member {
                    user_id: user_id.clone(),
                    learner: active.learner.clone(),
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
        let mut learners = self.learners.lock();
        for (member, standing) in members {
            let Some(place) = learners.places.get(&member.user_id).copied() else {
                continue;
            };
            let mut seats = learners.active[place].courses.iter_mut();
            let seat = seats.find(|seat| seat.is_in(course_id));
            if let Some(seat) = seat {
                seat.standing = Some((member.version, standing));
            }
        }
    }

    /// The ids of all courses of active learners.
    pub fn course_ids(&self) -> BTreeSet<Box<str>> {
        let learners = self.learners.lock();
        let mut ids = BTreeSet::new();
        for seat in learners.iter().flat_map(|(_, active)| &active.courses) {
            if !ids.contains(&seat.course_id) {
                ids.insert(seat.course_id.clone());
            }
        }
        ids
    }

    /// How many learners are active.
    pub fn len(&self) -> usize {
        self.learners.lock().active.len()
    }

    /// The ids of all active learners.
    pub fn user_ids(&self) -> Vec<Box<str>> {
        self.learners.lock().places.keys().cloned().collect()
    }

    /// Notes that a learner takes another number of bytes.
    pub(super) fn note_size(&self, active: &mut Active, bytes: u64) {
        let more = bytes.cast_signed() - active.memory_bytes.cast_signed();
        self.memory.grow(more);
        if active.is_idle {
            self.memory.grow_idle(more);
        }
        active.memory_bytes = bytes;
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed)
    }
}

impl Learners {
    fn iter(&self) -> impl Iterator<Item = (&Box<str>, &Active)> {
        self.places
            .iter()
            .map(|(user_id, place)| (user_id, &self.active[*place]))
    }
}

impl Active {
    /// When all its windows are settled, ms of event time; those of one of whom nothing was accepted always are.
    fn settles_ms(&self) -> i64 {
        match self.last_event_ms {
            i64::MIN => i64::MIN,
            last_event_ms => last_event_ms.saturating_add(SETTLES_WITHIN_MS),
        }
    }

    /// All of it is durable.
    fn is_stored(&self) -> bool {
        !self.unsaved && self.capture == CaptureState::Idle && self.standings == Standings::Stored
    }

    /// What it adds at most to the capture that stores all of it, bytes; at least 1.
    fn leaving_bytes(&self) -> u64 {
        self.memory_bytes.saturating_sub(ACTOR_BYTES).max(1)
    }

    fn seat(&self, course_id: &str) -> Option<&Seat> {
        self.courses.iter().find(|seat| seat.is_in(course_id))
    }
}

impl Standings {
    /// What the next capture is larger by, bytes; 0 for a learner that does not leave.
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
