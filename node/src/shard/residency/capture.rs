//! A capture of the directory's learners: each hands over its state as of one entry boundary, while
//! further entries are applied.
//!
//! Invariant: from [`Directory::begin_capture`] on, each due learner receives one save request
//! before anything of a later entry. Either [`Directory::save`] locks the learner or enqueues the
//! request while the directory is locked, or the shard sends the request that it gets with
//! [`Directory::entry_targets`].

use tokio::sync::mpsc;

use super::directory::{CaptureState, Directory, Learners, Place, Standings};
use crate::learner::{LearnerMessage, LearnerRef, Save, Saved};

/// Learners locked together to be saved. Events for them wait some tenths of a millisecond at most.
const SAVED_AT_ONCE: usize = 8;

impl Directory {
    /// Begins a capture as of the newest entry. Returns the learners with unsaved state, to be
    /// passed to [`Self::save`], and the channel that receives their states. A learner that an
    /// entry touches meanwhile is saved before.
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

    /// Saves these learners of a capture, unless that has happened. A learner with an operation in
    /// progress handles the request in its turn.
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
        // The directory is locked, so no other task can look these learners up and no entry comes
        // between.
        let mut locked = Vec::with_capacity(due.len());
        for (learner, save) in &due {
            match learner.try_lock() {
                Some(resident) => locked.push((resident, save)),
                // A learner that fails here ends the process.
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

    /// Ends the requests of a capture: the channel closes with the last answer.
    pub fn close_capture(&self) {
        self.learners.lock().saved = None;
    }

    /// The last capture is durable.
    pub fn end_capture(&self) {
        let mut learners = self.learners.lock();
        learners.durable_index = learners.saved_at;
        for (_, active) in &mut learners.active {
            active.capture = CaptureState::Idle;
        }
    }

    /// Index of the newest entry whose effects on learners are durable.
    pub fn durable_index(&self) -> u64 {
        self.learners.lock().durable_index
    }
}

impl Learners {
    /// The request to send to a learner if a capture waits for it. From now on it counts as sent.
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
