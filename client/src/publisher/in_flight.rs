//! A batch in flight, with the outcomes it has so far.

use homeroom_proto::v1;
use tokio::sync::OwnedSemaphorePermit;

use super::{Acknowledgement, ProtocolError};
use crate::{
    Batch,
    client::{positions_to_retry, supersede},
};

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
    /// No event has an outcome. Unknown once the batch may have arrived, and the connection broke.
    Untouched { unknown: bool },
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
            progress: Progress::Untouched { unknown: false },
            _room: room,
        }
    }

    /// The request with the events that have no outcome yet.
    pub(super) fn request(&mut self, sequence: u64) -> v1::PublishStreamRequest {
        self.attempts += 1;
        let (events, raw) = match &self.progress {
            Progress::Untouched { .. } => self.batch.all(),
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
            Progress::Untouched { unknown } => {
                let before = without_outcome(new.len(), unknown);
                let outcomes = superseded(before, 0..new.len(), new);
                let again = positions_to_retry(&outcomes);
                let progressed = again.len() < outcomes.len();
                (outcomes, again, progressed)
            }
            Progress::Partial { outcomes, again } => {
                let pending = again.len();
                let outcomes = superseded(outcomes, again, new);
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

    /// The connection broke before the events sent last were answered. They may be stored.
    pub(super) fn in_doubt(&mut self) {
        match &mut self.progress {
            Progress::Untouched { unknown } => *unknown = true,
            Progress::Partial { outcomes, again } => {
                again
                    .iter()
                    .for_each(|index| outcomes[*index].unknown = true);
            }
        }
    }

    /// The batch as it stands, when it is not sent again.
    pub(super) fn given_up(self) -> Acknowledgement {
        let outcomes = match self.progress {
            Progress::Untouched { unknown } => without_outcome(self.batch.len(), unknown),
            Progress::Partial { outcomes, .. } => outcomes,
        };
        Acknowledgement {
            ticket: self.ticket,
            outcomes,
            attempts: self.attempts,
        }
    }

    fn pending(&self) -> usize {
        match &self.progress {
            Progress::Untouched { .. } => self.batch.len(),
            Progress::Partial { again, .. } => again.len(),
        }
    }
}

fn without_outcome(events: usize, unknown: bool) -> Vec<v1::EventOutcome> {
    let outcome = v1::EventOutcome {
        status: v1::EventStatus::Retry.into(),
        unknown,
        ..v1::EventOutcome::default()
    };
    vec![outcome; events]
}

fn superseded(
    mut outcomes: Vec<v1::EventOutcome>,
    indexes: impl IntoIterator<Item = usize>,
    new: Vec<v1::EventOutcome>,
) -> Vec<v1::EventOutcome> {
    for (index, newer) in indexes.into_iter().zip(new) {
        supersede(&mut outcomes[index], newer);
    }
    outcomes
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
