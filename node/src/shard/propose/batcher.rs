//! Batches parts into entries. Parts that arrive while an entry is in flight go into the next one,
//! within bounds of bytes and time.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use homeroom_core::entry::encode_batch;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep_until, timeout},
};

use tokio_util::sync::CancellationToken;

use super::part::{Part, PartApplied, PartError};
use crate::{
    clock::LogClock,
    raft::{Applied, Group, ProposeError, Replicated, Written},
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

/// Proposes a shard's parts while its replica leads.
pub struct Batcher<'q, R: Replicated> {
    pub parts: &'q mut mpsc::Receiver<Part>,
    pub group: Arc<Group<R>>,
    pub clock: Arc<LogClock>,
    pub limits: BatchLimits,
    pub stop: CancellationToken,
}

/// Proposals whose outcome is not known yet.
pub type InFlight = FuturesUnordered<BoxFuture<'static, ()>>;

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

impl<R: Replicated> Batcher<'_, R> {
    /// Runs until the leadership is `lost`, or it is stopped and everything submitted is applied.
    /// Parts that were not proposed by then are refused. Returns what is still in flight, to be
    /// awaited.
    pub async fn run(self, lost: impl Future<Output = ()>) -> InFlight {
        let (mut lost, within) = (pin!(lost), self.group.propose_within());
        let mut in_flight = InFlight::new();
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
            let is_full = in_flight.len() >= self.limits.entries_in_flight;
            let lingers = gathered.since.filter(|_| !is_full);
            let expires = gathered.since.filter(|_| is_full);
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
                () = after(lingers, self.limits.linger) => {}
                // Nothing moves: what waits behind would wait as long again.
                () = after(expires, within) => {
                    refuse(std::mem::take(&mut gathered).parts, &PartError::Overdue);
                    refuse_all(self.parts, &PartError::Overdue);
                }
                () = &mut lost => break,
            }
        }
        refuse(gathered.parts, &PartError::NotLeader);
        in_flight
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
            refuse(gathered.parts, &PartError::NotLeader);
            return futures::future::ready(()).boxed();
        };
        let pieces = gathered.parts.iter().map(|part| &part.records);
        let entry = Bytes::from(encode_batch(now_ms, pieces));
        let group = Arc::clone(&self.group);
        async move {
            let mut written = pin!(group.propose_unbounded(entry));
            match timeout(group.propose_within(), written.as_mut()).await {
                Ok(written) => answer(gathered.parts, written),
                // The entry is still in memory, in Raft's queues. It keeps its place in the queue
                // of bytes, and its place in flight, until its fate is known.
                Err(_) => {
                    let held = answer_unknown(gathered.parts);
                    let _ = written.await;
                    drop(held);
                }
            }
        }
        .boxed()
    }
}

async fn after(since: Option<Instant>, time: Duration) {
    match since {
        Some(since) => sleep_until(since + time).await,
        None => std::future::pending().await,
    }
}

/// Refuses everything that waits in the queue.
pub fn refuse_all(queue: &mut mpsc::Receiver<Part>, why: &PartError) {
    while let Ok(part) = queue.try_recv() {
        part.reply.send(Err(why.clone()));
    }
}

fn refuse(parts: Vec<Part>, why: &PartError) {
    for part in parts {
        part.reply.send(Err(why.clone()));
    }
}

/// Returns the places in the queue of bytes.
fn answer_unknown(parts: Vec<Part>) -> Vec<OwnedSemaphorePermit> {
    let answered = parts.into_iter().map(|part| {
        part.reply.send(Err(PartError::Unknown));
        part.permit
    });
    answered.collect()
}

fn answer(parts: Vec<Part>, written: Result<Written, ProposeError>) {
    let Written {
        index,
        term,
        leader,
        applied: Applied(codes),
    } = match written {
        Ok(written) => written,
        Err(ProposeError::NotLeader) => return refuse(parts, &PartError::NotLeader),
        Err(ProposeError::Sealed(_)) => return refuse(parts, &PartError::Sealed),
        Err(ProposeError::Unknown(_)) => return refuse(parts, &PartError::Unknown),
    };
    // A batch that could not be applied has no outcomes: the shard is stopping.
    let mut rest = &codes[..];
    for part in parts {
        let count = part.records.count() as usize;
        let (own, later) = rest.split_at_checked(count).unwrap_or_default();
        rest = later;
        let outcomes = outcomes::decode(own).filter(|outcomes| outcomes.len() == count);
        let applied = outcomes.map(|outcomes| PartApplied {
            index,
            term,
            leader,
            outcomes,
        });
        part.reply.send(applied.ok_or(PartError::Unknown));
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
        written: Result<Written, ProposeError>,
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

    fn applied(outcomes: &[Outcome]) -> Option<PartAnswer> {
        Some(Ok(PartApplied {
            index: 7,
            term: 3,
            leader: 2,
            outcomes: outcomes.to_vec(),
        }))
    }

    fn written_as(codes: Bytes) -> Result<Written, ProposeError> {
        Ok(Written {
            index: 7,
            term: 3,
            leader: 2,
            applied: Applied(codes),
        })
    }

    const UNKNOWN: Option<PartAnswer> = Some(Err(PartError::Unknown));
    const AGAIN: Outcome = Outcome::Duplicate {
        conflicting: false,
        reason: None,
    };

    #[test]
    fn each_part_receives_the_outcomes_of_its_own_deliveries() {
        let outcomes = [Outcome::Accepted, Outcome::Shadowed, AGAIN];
        let written = written_as(outcomes::encode(&outcomes).0);
        assert_eq!(
            answers(&[2, 0, 1], written),
            [
                applied(&outcomes[..2]),
                applied(&[]),
                applied(&outcomes[2..])
            ]
        );
    }

    #[test]
    fn a_part_whose_outcomes_are_missing_or_unknown_is_not_known_to_be_applied() {
        let outcomes = [Outcome::Accepted, Outcome::Shadowed];
        let written = written_as(outcomes::encode(&outcomes).0);
        let first = applied(&outcomes[..1]);
        // Not even the outcome that the second part could have.
        assert_eq!(answers(&[1, 2, 1], written), [first, UNKNOWN, UNKNOWN]);
        let nothing = written_as(Bytes::new());
        assert_eq!(answers(&[1, 2], nothing), [UNKNOWN, UNKNOWN]);
        let unknown = written_as(Bytes::from_static(&[0, 0xff]));
        let first = applied(&[Outcome::Accepted]);
        assert_eq!(answers(&[1, 1], unknown), [first, UNKNOWN]);
    }

    #[test]
    fn all_parts_of_an_entry_that_was_not_written_receive_the_reason() {
        let refused = Err(ProposeError::NotLeader);
        let not_leader = Some(Err(PartError::NotLeader));
        assert_eq!(answers(&[1, 2], refused), [not_leader.clone(), not_leader]);
        let sealed = Err(ProposeError::Sealed("it is too large".into()));
        assert_eq!(answers(&[1], sealed), [Some(Err(PartError::Sealed))]);
        let unknown = Err(ProposeError::Unknown("the leadership was lost".into()));
        assert_eq!(answers(&[1, 2], unknown), [UNKNOWN, UNKNOWN]);
    }
}
