//! A batch in flight, with the outcomes it has so far.

use homeroom_proto::v1;
use tokio::sync::OwnedSemaphorePermit;

use super::{Acknowledgement, ProtocolError};
use crate::{Batch, client::positions_to_retry};

/// The batch's permits in the publisher's window, released when the batch is acknowledged.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) _batch: OwnedSemaphorePermit,
    pub(super) _bytes: OwnedSemaphorePermit,
}

/// A batch in flight, with the outcomes it has so far.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) ticket: u64,
    batch: Batch,
    attempts: u32,
    progress: Progress,
    _room: Room,
}

#[derive(Debug)]
enum Progress {
    /// No event has an outcome.
    Untouched,
    /// Only the events at `again` have none.
    Partial {
        outcomes: Vec<v1::EventOutcome>,
        again: Vec<usize>,
    },
}

/// The effect of an answer on a batch.
#[derive(Debug)]
pub(super) enum Answered {
    /// Every event has its outcome.
    Settled(Acknowledgement),
    /// Some events must be sent again.
    Partly {
        batch: InFlight,
        /// Whether at least one event got its outcome.
        progressed: bool,
    },
}

impl InFlight {
    pub(super) fn new(ticket: u64, batch: Batch, room: Room) -> Self {
        Self {
            ticket,
            batch,
            attempts: 0,
            progress: Progress::Untouched,
            _room: room,
        }
    }

    /// The request with the events that have no outcome yet.
    pub(super) fn request(&mut self, sequence: u64) -> v1::PublishStreamRequest {
        self.attempts += 1;
        let (events, raw) = match &self.progress {
            Progress::Untouched => self.batch.all(),
            Progress::Partial { again, .. } => self.batch.only(again),
        };
        v1::PublishStreamRequest {
            sequence,
            events,
            raw,
        }
    }

    /// Stores the outcomes of the events sent last.
    pub(super) fn answered(self, new: Vec<v1::EventOutcome>) -> Result<Answered, ProtocolError> {
        check(&new, self.pending())?;
        let Self {
            ticket,
            batch,
            attempts,
            progress,
            _room,
        } = self;
        let (outcomes, again, progressed) = match progress {
            Progress::Untouched => {
                let again = positions_to_retry(&new);
                let progressed = again.len() < new.len();
                (new, again, progressed)
            }
            Progress::Partial {
                mut outcomes,
                again,
            } => {
                let pending = again.len();
                for (&index, outcome) in again.iter().zip(new) {
                    outcomes[index] = outcome;
                }
                let again = positions_to_retry(&outcomes);
                let progressed = again.len() < pending;
                (outcomes, again, progressed)
            }
        };
        if again.is_empty() {
            return Ok(Answered::Settled(Acknowledgement {
                ticket,
                outcomes,
                attempts,
            }));
        }
        let progress = Progress::Partial { outcomes, again };
        let batch = Self {
            ticket,
            batch,
            attempts,
            progress,
            _room,
        };
        Ok(Answered::Partly { batch, progressed })
    }

    fn pending(&self) -> usize {
        match &self.progress {
            Progress::Untouched => self.batch.len(),
            Progress::Partial { again, .. } => again.len(),
        }
    }
}

fn check(outcomes: &[v1::EventOutcome], expected: usize) -> Result<(), ProtocolError> {
    if outcomes.len() != expected {
        return Err(ProtocolError::OutcomeCount {
            expected,
            got: outcomes.len(),
        });
    }
    let known = v1::EventStatus::Accepted as i32..=v1::EventStatus::Retry as i32;
    match outcomes
        .iter()
        .find(|outcome| !known.contains(&outcome.status))
    {
        Some(unknown) => Err(ProtocolError::UnknownStatus(unknown.status)),
        None => Ok(()),
    }
}
