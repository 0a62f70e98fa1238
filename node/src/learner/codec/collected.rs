//! What a capture has to write of its learners, as they hand it over.

use homeroom_core::learner::{StateChange, StatePart};

use super::{
    first_piece::{HeadMark, in_pieces},
    keys::{learner_key, standing_key},
};
use crate::store::checkpoint::Change;

/// What is to be written of a learner.
pub struct Saved {
    /// The learner's id.
    pub user_id: Box<str>,
    /// Its changed records.
    pub changes: Vec<StateChange>,
    /// Encoded standings of courses in which they may have changed; `None` when they were not
    /// requested.
    pub standings: Option<Vec<(Box<str>, Vec<u8>)>>,
}

/// The changes of one capture.
pub struct Collected {
    /// The index of the newest entry applied before the capture.
    as_of: u64,
    /// Of several changes to a record the last one wins.
    pub changes: Vec<Change>,
}

impl Collected {
    /// A capture as of an entry, with changes other than the learners'.
    pub fn new(changes: Vec<Change>, as_of: u64) -> Self {
        Self { as_of, changes }
    }

    /// Adds the changes of a learner.
    pub fn add(&mut self, saved: Saved) {
        let Saved {
            user_id,
            changes,
            standings,
        } = saved;
        let mark = HeadMark {
            as_of: self.as_of,
            standings_stored: standings.is_some(),
        };
        for (course_id, bytes) in standings.into_iter().flatten() {
            let key = standing_key(&course_id, &user_id);
            self.changes.push((key, Some(bytes)));
        }
        for StateChange { part, bytes } in changes {
            match bytes {
                None => self.changes.push((learner_key(&user_id, part, 0), None)),
                Some(bytes) => {
                    let mark = (part == StatePart::Head).then_some(mark);
                    self.changes.extend(in_pieces(&user_id, part, &bytes, mark));
                }
            }
        }
    }
}
