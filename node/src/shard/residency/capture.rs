//! A capture of the directory's learners: each hands over the state that it has at one entry boundary, while entries go on.
//!
//! Invariant: from [`Directory::begin_capture`] on, a learner that is due is asked once, and before anything of a later entry reaches it:
//! by [`Directory::save`], which has it entered or told while the directory is locked, or by the shard, which gets it handed out with
//! what it is to be asked for.

use tokio::sync::mpsc;

use super::directory::{CaptureState, Directory, Learners, Place, Standings};
use crate::learner::{LearnerMessage, LearnerRef, Save, Saved};

/// So many learners are entered together to be saved: events for them wait some tenths of a millisecond at most.
const SAVED_AT_ONCE: usize = 8;

impl Directory {
    /// Begins a capture, `as_of` the newest entry: the learners with something unsaved, to be handed to [`Self::save`], and where their
    /// states come out. Whoever is touched by an entry meanwhile is asked before.
    pub fn begin_capture(&self, as_of: u64) -> (Vec<Place>, mpsc::Receiver<Saved>) {
        self.unsaved_bytes.send_replace(0);
        let mut learners = self.learners.lock();
        let mut due = Vec::new();
        for (place, active) in &mut learners.active {
            if active.unsaved || active.standings.leaving_bytes() > 0 {
                active.unsaved = false;
                active.unsaved_bytes = 0;
                active.capture = CaptureState::Due;
                due.push(place);
            }
        }
        let (saved, received) = mpsc::channel(due.len().max(1));
        learners.saved = Some(saved);
        learners.saved_at = as_of;
        (due, received)
    }

    /// Has these learners of a capture hand over their state, unless they have. Those with whom somebody is hand it over in their turn.
    pub fn save(&self, places: &[Place]) {
        for some in places.chunks(SAVED_AT_ONCE) {
            self.save_together(some);
        }
    }

    fn save_together(&self, places: &[Place]) {
        let mut learners = self.learners.lock();
        let mut take = |place: &Place| {
            let save = learners.take_save_request(*place)?;
            Some((learners.active[*place].learner.clone(), save))
        };
        let due: Vec<(LearnerRef, Save)> = places.iter().filter_map(&mut take).collect();
        // Entered, or told, while nobody else can look them up: so no entry comes in between.
        let mut locked = Vec::with_capacity(due.len());
        for (learner, save) in &due {
            match learner.try_lock() {
                Some(resident) => locked.push((resident, save)),
                // One that fails ends the process.
                None => drop(learner.enqueue(LearnerMessage::Save(save.clone()))),
            }
        }
        drop(learners);
        for (resident, _) in &locked {
            resident.prefetch();
        }
        for (mut resident, save) in locked {
            resident.save(save);
        }
    }

    /// All learners of the capture were asked: the channel ends with the last answer.
    pub fn close_capture(&self) {
        self.learners.lock().saved = None;
    }

    /// What was being saved is durable.
    pub fn end_capture(&self) {
        let mut learners = self.learners.lock();
        learners.durable_index = learners.saved_at;
        for (_, active) in &mut learners.active {
            active.capture = CaptureState::Idle;
        }
    }

    /// What entries up to this one did to learners is durable.
    pub fn durable_index(&self) -> u64 {
        self.learners.lock().durable_index
    }
}

impl Learners {
    /// What a learner is to be asked for, if a capture waits for it: counts as asked from now on.
    pub(super) fn take_save_request(&mut self, place: Place) -> Option<Save> {
        let active = &mut self.active[place];
        if active.capture != CaptureState::Due {
            return None;
        }
        let reply = self.saved.clone()?;
        active.capture = CaptureState::Requested;
        let leaving_bytes = active.standings.leaving_bytes();
        let standings = leaving_bytes > 0;
        if standings {
            self.leaving_bytes -= leaving_bytes;
            active.standings = Standings::Stored;
        }
        Some(Save {
            standings,
            as_of: self.saved_at,
            reply,
        })
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
