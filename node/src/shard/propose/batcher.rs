//! Batches parts into entries. Parts that arrive while an entry is in flight go into the next one,
//! within bounds of bytes and time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use homeroom_core::entry::encode_batch;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use tokio_util::sync::CancellationToken;

use super::part::{Part, PartApplied, PartError};
use crate::{
    clock::LogClock,
    raft::{Applied, Group, ProposeError, Replicated},
    shard::outcomes,
};

/// Bounds of an entry.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Records per entry before it is proposed, bytes.
    pub entry_bytes_max: usize,
    /// How long a part waits for others while entries are in flight.
    pub linger: Duration,
    /// Entries of a shard in flight at once.
    pub entries_in_flight: usize,
}

/// Owns the queue of a shard's parts.
pub struct Batcher<R: Replicated> {
    pub parts: mpsc::Receiver<Part>,
    pub group: Arc<Group<R>>,
    pub clock: Arc<LogClock>,
    pub limits: BatchLimits,
    pub stop: CancellationToken,
}

#[derive(Default)]
struct Gathered {
    parts: Vec<Part>,
    bytes: usize,
    /// When the first part arrived.
    since: Option<Instant>,
}

impl Gathered {
    fn add(&mut self, part: Part) {
        self.bytes += part.records.len();
        self.since.get_or_insert_with(Instant::now);
        self.parts.push(part);
    }
}

impl<R: Replicated> Batcher<R> {
    /// Runs until it is stopped and everything submitted by then is applied.
    pub async fn run(mut self) {
        let mut in_flight: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
        let mut gathered = Gathered::default();
        let (mut open, mut stopping) = (true, false);
        while open || !gathered.parts.is_empty() || !in_flight.is_empty() {
            while gathered.bytes < self.limits.entry_bytes_max
                && let Ok(part) = self.parts.try_recv()
            {
                gathered.add(part);
            }
            if self.is_due(&gathered, in_flight.len(), open) {
                let mut proposed = self.propose(std::mem::take(&mut gathered));
                // Polled here, so that Raft receives it now. In the set of futures, entries could
                // overtake each other.
                if futures::poll!(&mut proposed).is_pending() {
                    in_flight.push(proposed);
                }
                continue;
            }
            let room = gathered.bytes < self.limits.entry_bytes_max;
            let lingers = gathered
                .since
                .filter(|_| in_flight.len() < self.limits.entries_in_flight);
            tokio::select! {
                part = self.parts.recv(), if open && room => match part {
                    Some(part) => gathered.add(part),
                    None => open = false,
                },
                // Checked once: a cancelled token is always ready and would starve the other
                // branches.
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.parts.close();
                    open = !self.parts.is_empty();
                }
                Some(()) = in_flight.next(), if !in_flight.is_empty() => {}
                () = linger(lingers, self.limits.linger) => {}
            }
        }
    }

    /// With nothing in flight there is nothing to wait for, so the first part is proposed at once.
    fn is_due(&self, gathered: &Gathered, in_flight: usize, open: bool) -> bool {
        let Some(since) = gathered.since else {
            return false;
        };
        in_flight < self.limits.entries_in_flight
            && (in_flight == 0
                || !open
                || gathered.bytes >= self.limits.entry_bytes_max
                || since.elapsed() >= self.limits.linger)
    }

    fn propose(&self, gathered: Gathered) -> BoxFuture<'static, ()> {
        let Some(now_ms) = self.clock.now_ms() else {
            // It does not lead, or not yet.
            answer(gathered.parts, Err(ProposeError::NotLeader));
            return futures::future::ready(()).boxed();
        };
        let pieces = gathered.parts.iter().map(|part| &part.records);
        let entry = Bytes::from(encode_batch(now_ms, pieces));
        let group = Arc::clone(&self.group);
        async move {
            let written = group.propose(entry).await;
            answer(gathered.parts, written);
        }
        .boxed()
    }
}

async fn linger(since: Option<Instant>, linger: Duration) {
    match since {
        Some(since) => sleep_until(since + linger).await,
        None => std::future::pending().await,
    }
}

fn answer(parts: Vec<Part>, written: Result<(u64, Applied), ProposeError>) {
    let (index, Applied(codes)) = match written {
        Ok(applied) => applied,
        Err(error) => {
            let error = match error {
                ProposeError::NotLeader => PartError::NotLeader,
                ProposeError::Sealed(_) => PartError::Sealed,
                ProposeError::Stopped(_) => PartError::Stopped,
            };
            for part in parts {
                part.reply.send(Err(error.clone()));
            }
            return;
        }
    };
    // A batch that could not be applied has no outcomes: the shard is stopping.
    let mut rest = &codes[..];
    for part in parts {
        let count = part.records.count() as usize;
        let (own, later) = rest.split_at_checked(count).unwrap_or_default();
        rest = later;
        let outcomes = outcomes::decode(own).filter(|outcomes| outcomes.len() == count);
        let applied = outcomes.map(|outcomes| PartApplied { index, outcomes });
        part.reply.send(applied.ok_or(PartError::Stopped));
    }
}

#[cfg(test)]
mod tests {
    use homeroom_core::{Event, EventType, entry::RecordBuffer, shard::Outcome};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::fan_in::fan_in;

    type PartAnswer = Result<PartApplied, PartError>;

    /// What parts with these numbers of deliveries receive.
    fn answers(
        counts: &[usize],
        written: Result<(u64, Applied), ProposeError>,
    ) -> Vec<Option<PartAnswer>> {
        let (slots, mut answers) = fan_in(counts.len());
        let part = |(&count, reply)| {
            let mut records = RecordBuffer::default();
            for number in 0..count {
                let id = format!("event-{number}");
                records.push_event(&Event::bare("ada", id, 0, EventType::Click, "lms"));
            }
            let permit = Arc::new(Semaphore::new(1)).try_acquire_owned();
            Part {
                records,
                permit: permit.expect("one is free"),
                reply,
            }
        };
        answer(counts.iter().zip(slots).map(part).collect(), written);
        answers.try_recv().expect("all are answered")
    }

    fn applied(index: u64, outcomes: &[Outcome]) -> Option<PartAnswer> {
        let outcomes = outcomes.to_vec();
        Some(Ok(PartApplied { index, outcomes }))
    }

    const STOPPED: Option<PartAnswer> = Some(Err(PartError::Stopped));
    const AGAIN: Outcome = Outcome::Duplicate {
        conflicting: false,
        reason: None,
    };

    #[test]
    fn each_part_receives_the_outcomes_of_its_own_deliveries() {
        let outcomes = [Outcome::Accepted, Outcome::Shadowed, AGAIN];
        let written = Ok((7, outcomes::encode(&outcomes)));
        assert_eq!(
            answers(&[2, 0, 1], written),
            [
                applied(7, &outcomes[..2]),
                applied(7, &[]),
                applied(7, &outcomes[2..])
            ]
        );
    }

    #[test]
    fn a_part_whose_outcomes_are_missing_or_unknown_is_not_known_to_be_applied() {
        let outcomes = [Outcome::Accepted, Outcome::Shadowed];
        let written = Ok((7, outcomes::encode(&outcomes)));
        let first = applied(7, &outcomes[..1]);
        // Not even the outcome that the second part could have.
        assert_eq!(answers(&[1, 2, 1], written), [first, STOPPED, STOPPED]);
        let nothing = Ok((7, Applied::default()));
        assert_eq!(answers(&[1, 2], nothing), [STOPPED, STOPPED]);
        let unknown = Ok((7, Applied(Bytes::from_static(&[0, 0xff]))));
        let first = applied(7, &[Outcome::Accepted]);
        assert_eq!(answers(&[1, 1], unknown), [first, STOPPED]);
    }

    #[test]
    fn all_parts_of_an_entry_that_was_not_written_receive_the_reason() {
        let refused = Err(ProposeError::NotLeader);
        let not_leader = Some(Err(PartError::NotLeader));
        assert_eq!(answers(&[1, 2], refused), [not_leader.clone(), not_leader]);
        let sealed = Err(ProposeError::Sealed("it is too large".into()));
        assert_eq!(answers(&[1], sealed), [Some(Err(PartError::Sealed))]);
        let stopped = Err(ProposeError::Stopped("the disk is full".into()));
        assert_eq!(answers(&[1, 2], stopped), [STOPPED, STOPPED]);
    }
}
