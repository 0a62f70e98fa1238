//! What a capture has to write of its learners, as they hand it over.

use homeroom_core::learner::{StateChange, StatePart};

use super::{
    first_piece::{HeadMark, in_pieces},
    keys::{learner_key, standing_key},
    pack::is_packed,
};
use crate::store::checkpoint::Change;

/// What is to be written for a learner.
pub struct Saved {
    /// The learner.
    pub user_id: Box<str>,
    /// Its changed records.
    pub changes: Vec<StateChange>,
    /// How it stands in each course where that may have changed, encoded, if that was asked for.
    pub standings: Option<Vec<(Box<str>, Vec<u8>)>>,
}

/// What was handed over so far.
pub struct Collected {
    /// The index of the newest entry that was applied at the capture's boundary.
    pub(super) as_of: u64,
    /// What is written as it is; of several changes to a record the last one holds.
    pub(super) changes: Vec<Change>,
    /// Heads of active learners, each learner once, that are to be packed.
    pub(super) heads: Vec<(Box<str>, Vec<u8>)>,
    /// Learners whose heads are among the changes.
    pub(super) unpacked: Vec<Box<str>>,
}

impl Collected {
    /// With changes that are not learners' own.
    pub fn new(changes: Vec<Change>, as_of: u64) -> Self {
        Self {
            as_of,
            changes,
            heads: Vec::new(),
            unpacked: Vec::new(),
        }
    }

    /// Takes in what a learner handed over.
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
            match (part, bytes) {
                (part, None) => self.changes.push((learner_key(&user_id, part, 0), None)),
                (StatePart::Head, Some(head))
                    if !mark.standings_stored && is_packed(&user_id, &head) =>
                {
                    self.heads.push((user_id.clone(), head));
                }
                (StatePart::Head, Some(head)) => {
                    self.changes
                        .extend(in_pieces(&user_id, part, &head, Some(mark)));
                    self.unpacked.push(user_id.clone());
                }
                (part, Some(bytes)) => {
                    self.changes.extend(in_pieces(&user_id, part, &bytes, None));
                }
            }
        }
    }
}
