//! A learner as stored: one record for what is always needed, its newest hour among it, and one for each earlier hour. So that a
//! learner in a lesson is one record.

use super::{
    Hour, HourNumber, Learner,
    attempt::Attempts,
    corrections::Corrections,
    course::Courses,
    first_state::{FIRST_VERSION, first_head, first_hour},
    hours::Hours,
    last_interactions::LastInteractions,
    playback::Playbacks,
    session::Sessions,
};
use crate::wire::{Put, Reader};

/// Version of the encoding of both kinds of record; a reader knows all versions up to its own.
const STATE_VERSION: u8 = 3;
/// Up to this version all hours had records of their own.
const ALL_HOURS_APART: u8 = 2;

/// Which record of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatePart {
    /// All but the hours before the newest.
    Head,
    /// One hour before the newest.
    Hour(HourNumber),
}

/// A record that is to be written, or deleted (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Which.
    pub part: StatePart,
    /// Its new bytes.
    pub bytes: Option<Vec<u8>>,
}

/// Stored bytes that are no learner.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StateDecodeError {
    /// Written by a newer build.
    #[error("learner encoding version {0} is newer than this build")]
    UnknownVersion(u8),
    /// Not an encoded learner.
    #[error("damaged learner encoding")]
    Damaged,
}

impl Learner {
    /// Whether the stored state is behind.
    pub fn has_changes(&self) -> bool {
        self.unsaved
    }

    /// Has the head written with the next changes, whether or not it differs from the stored one.
    pub fn rewrite_head(&mut self) {
        self.unsaved = true;
    }

    /// What has to be written for the stored state to be this one; from then on it counts as stored.
    pub fn take_changes(&mut self) -> Vec<StateChange> {
        let head = std::mem::take(&mut self.unsaved).then(|| self.encode_head());
        let (hours, gone) = self.hours.take_changes();
        let mut changes = Vec::with_capacity(1 + hours.len() + gone.len());
        changes.extend(head.map(|bytes| StateChange {
            part: StatePart::Head,
            bytes: Some(bytes),
        }));
        changes.extend(hours.into_iter().map(|(number, hour)| StateChange {
            part: StatePart::Hour(number),
            bytes: Some(encode_hour(hour)),
        }));
        changes.extend(gone.into_iter().map(|number| StateChange {
            part: StatePart::Hour(number),
            bytes: None,
        }));
        changes
    }

    /// Whether the learner whose head this is can have hours with records of their own.
    ///
    /// # Errors
    /// When the head is damaged or of an unknown version.
    pub fn has_hours_apart(head: &[u8]) -> Result<bool, StateDecodeError> {
        let (version, mut body) = versioned(head)?;
        if version <= ALL_HOURS_APART {
            return Ok(true);
        }
        let apart = body.size().ok_or(StateDecodeError::Damaged)?;
        Ok(apart > 0)
    }

    /// A learner from its head and the records of hours that have one.
    ///
    /// # Errors
    /// When a record is damaged or of an unknown version.
    pub fn restore<'b>(
        user_id: &str,
        head: &[u8],
        hours: impl Iterator<Item = (HourNumber, &'b [u8])>,
    ) -> Result<Self, StateDecodeError> {
        let head = match versioned(head)? {
            (FIRST_VERSION, body) => first_head(user_id, body.rest()),
            (ALL_HOURS_APART, mut body) => Self::read_head(user_id, &mut body),
            (_, mut body) => Self::read_head_with_hour(user_id, &mut body),
        };
        let mut learner = head.ok_or(StateDecodeError::Damaged)?;
        let within_head = learner.hours.newest().map(|(number, _)| number);
        // The newest hour's own record may be left over from a version in which all hours had one.
        for (number, bytes) in hours.filter(|(number, _)| Some(*number) != within_head) {
            let hour = match versioned(bytes)? {
                (FIRST_VERSION, body) => first_hour(body.rest()),
                (_, mut body) => Hour::read(&mut body),
            };
            learner
                .hours
                .put_back(number, hour.ok_or(StateDecodeError::Damaged)?);
        }
        learner.hours.settle();
        Ok(learner)
    }

    fn encode_head(&self) -> Vec<u8> {
        const HEAD_BYTES: usize = 2_048;
        let base_ms = self.last_event_ms;
        let mut out = Vec::with_capacity(HEAD_BYTES);
        out.push(STATE_VERSION);
        out.put_size(self.hours.apart());
        out.put_number(self.events);
        out.put_signed(base_ms);
        out.put_signed(self.pruned_to_ms);
        self.courses.put(&mut out, base_ms);
        self.sessions.put(&mut out, base_ms);
        self.playbacks.put(&mut out, base_ms);
        self.attempts.put(&mut out, base_ms);
        self.last_interactions.put(&mut out, base_ms);
        self.corrections.put(&mut out, base_ms);
        out.put_maybe(self.hours.newest(), |out, (number, hour)| {
            out.put_signed(number);
            hour.put(out);
        });
        out
    }

    fn read_head_with_hour(user_id: &str, from: &mut Reader<'_>) -> Option<Self> {
        let _apart = from.size()?;
        let mut learner = Self::read_head(user_id, from)?;
        let newest = from.maybe(|from| Some((from.signed()?, Hour::read(from)?)))?;
        if let Some((number, hour)) = newest {
            learner.hours.put_back(number, hour);
        }
        Some(learner)
    }

    fn read_head(user_id: &str, from: &mut Reader<'_>) -> Option<Self> {
        let events = from.number()?;
        let base_ms = from.signed()?;
        Some(Self {
            user_id: user_id.into(),
            events,
            last_event_ms: base_ms,
            pruned_to_ms: from.signed()?,
            courses: Courses::read(from, base_ms)?,
            sessions: Sessions::read(from, base_ms)?,
            playbacks: Playbacks::read(from, base_ms)?,
            attempts: Attempts::read(from, base_ms)?,
            last_interactions: LastInteractions::read(from, base_ms)?,
            corrections: Corrections::read(from, base_ms)?,
            hours: Hours::default(),
            unsaved: false,
        })
    }
}

fn encode_hour(hour: &Hour) -> Vec<u8> {
    let mut out = vec![STATE_VERSION];
    hour.put(&mut out);
    out
}

fn versioned(bytes: &[u8]) -> Result<(u8, Reader<'_>), StateDecodeError> {
    match bytes.split_first() {
        Some((&version @ FIRST_VERSION..=STATE_VERSION, body)) => Ok((version, Reader::new(body))),
        Some((&version, _)) => Err(StateDecodeError::UnknownVersion(version)),
        None => Err(StateDecodeError::Damaged),
    }
}
