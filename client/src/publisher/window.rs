//! The window: batches that are not acknowledged.

use std::collections::VecDeque;

use homeroom_proto::v1;

use super::{
    Acknowledgement, ProtocolError,
    in_flight::{Answered, InFlight},
};

/// The unacknowledged batches, sent ones and waiting ones, each in the order of their tickets.
///
/// Does no I/O and reads no clock. Bounded by the permits that its batches own.
#[derive(Debug, Default)]
pub(super) struct Window {
    waiting: VecDeque<InFlight>,
    /// The batches sent on the present connection, with their sequence numbers there.
    sent: VecDeque<(u64, InFlight)>,
    next_sequence: u64,
}

/// The effect of an acknowledgement.
#[derive(Debug)]
pub(super) enum Received {
    /// A batch has all its outcomes.
    Settled(Acknowledgement),
    /// Some of the batch's events must be sent again.
    SendAgain {
        /// Whether at least one event got its outcome.
        progressed: bool,
    },
}

impl Window {
    pub(super) fn push(&mut self, batch: InFlight) {
        self.waiting.push_back(batch);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The request for the oldest waiting batch, which counts as sent from now on.
    pub(super) fn next_request(&mut self) -> Option<v1::PublishStreamRequest> {
        let mut batch = self.waiting.pop_front()?;
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let request = batch.request(sequence);
        self.sent.push_back((sequence, batch));
        Some(request)
    }

    /// Handles the answer to the oldest batch sent.
    pub(super) fn receive(
        &mut self,
        answer: v1::PublishStreamResponse,
    ) -> Result<Received, ProtocolError> {
        let expected = self.sent.front().map(|(sequence, _)| *sequence);
        if expected != Some(answer.sequence) {
            return Err(ProtocolError::OutOfOrder {
                expected,
                got: answer.sequence,
            });
        }
        let Some((_, batch)) = self.sent.pop_front() else {
            return Err(ProtocolError::OutOfOrder {
                expected,
                got: answer.sequence,
            });
        };
        match batch.answered(answer.outcomes)? {
            Answered::Settled(acknowledgement) => Ok(Received::Settled(acknowledgement)),
            Answered::Partly { batch, progressed } => {
                self.put_back(batch);
                Ok(Received::SendAgain { progressed })
            }
        }
    }

    /// Moves everything sent on a lost connection back to the waiting batches, in the old order.
    /// Unless there was no connection at all, it may have arrived.
    pub(super) fn connection_lost(&mut self, may_have_arrived: bool) {
        while let Some((_, mut batch)) = self.sent.pop_back() {
            if may_have_arrived {
                batch.in_doubt();
            }
            self.put_back(batch);
        }
    }

    /// All batches as they stand, when none is sent again.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Acknowledgement> {
        self.connection_lost(true);
        std::mem::take(&mut self.waiting)
            .into_iter()
            .map(InFlight::given_up)
    }

    fn put_back(&mut self, batch: InFlight) {
        let place = self
            .waiting
            .partition_point(|other| other.ticket < batch.ticket);
        self.waiting.insert(place, batch);
    }
}
