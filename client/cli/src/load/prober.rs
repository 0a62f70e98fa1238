//! Measures the latency of insight: asks for learners until their profiles show the events that are watched for.
//!
//! Each look is a `GetLearner` with a mask (`last_interactions` alone) and consistency `ANY`: what the answering replica has, without
//! waiting for anything. Looks at an event begin when it is handed over, not after its acknowledgement, and follow each other closely:
//! every 0.3 ms, or 3 % of the time that insight takes when that is longer. `WatchLearner` would ask less, but tells at most every
//! 10 ms of a learner, and so would measure its own pause wherever a learner has several events within that time.

use std::io;
use std::time::Instant;

use futures::{StreamExt, stream::FuturesUnordered};
use homeroom_proto::v1;
use prost_types::FieldMask;
use tokio::sync::mpsc;

use super::{
    ledger::Ledger,
    pending_probes::{PendingProbes, Probe, ProbeUpdate, Verdict},
    precise_timer::PreciseTimer,
};
use homeroom_client::{CallError, Client};

/// What is told of events faster than it is taken waits here, and then with whoever tells it.
pub(super) const UPDATES_AHEAD: usize = 256;

/// What came of one poll.
struct Poll {
    number: u64,
    asked: Instant,
    answered: Instant,
    answer: Result<v1::GetLearnerResponse, CallError>,
}

/// Watches for all events that it is told of; ends when nobody can tell of more, and each has shown or never will.
pub(super) async fn probe(
    client: Client,
    mut updates: mpsc::Receiver<ProbeUpdate>,
    ledger: &Ledger,
) -> io::Result<()> {
    let mut timer = PreciseTimer::new()?;
    let mut pending = PendingProbes::default();
    let mut polls = FuturesUnordered::new();
    let mut is_open = true;
    while is_open || !pending.is_empty() {
        let next_poll = pending.next_poll();
        tokio::select! {
            biased;
            Some(poll) = polls.next(), if !polls.is_empty() => judge(poll, &mut pending, ledger),
            update = updates.recv(), if is_open => match update {
                Some(ProbeUpdate::Sent(probe)) => pending.add(probe),
                Some(ProbeUpdate::Acknowledged(number)) => pending.acknowledged(number, Instant::now()),
                None => {
                    is_open = false;
                    for waited in pending.forget_unacknowledged(Instant::now()) {
                        ledger.shown(waited);
                    }
                }
            },
            waited = timer.until(next_poll.unwrap_or_else(Instant::now)), if next_poll.is_some() => {
                waited?;
                if let Some(probe) = pending.take_poll() {
                    polls.push(poll(client.clone(), probe));
                }
            }
        }
    }
    Ok(())
}

fn poll(client: Client, probe: &Probe) -> impl Future<Output = Poll> + use<> {
    let number = probe.number;
    let request = v1::GetLearnerRequest {
        user_id: probe.user_id.clone(),
        read: Some(v1::ReadOptions {
            consistency: v1::Consistency::Any.into(),
            ..v1::ReadOptions::default()
        }),
        field_mask: Some(FieldMask {
            paths: vec!["last_interactions".to_owned()],
        }),
    };
    async move {
        let asked = Instant::now();
        let answer = client.get_learner(request).await;
        Poll {
            number,
            asked,
            answered: Instant::now(),
            answer,
        }
    }
}

fn judge(poll: Poll, pending: &mut PendingProbes, ledger: &Ledger) {
    // A look that failed showed nothing: the next one may.
    let profile = match poll.answer {
        Ok(answer) => answer.profile,
        Err(error) => {
            ledger.error(error);
            None
        }
    };
    let times = (poll.asked, poll.answered);
    match pending.answered(poll.number, times, profile.as_ref()) {
        Verdict::Shown(latency) => ledger.shown(latency),
        Verdict::NotYet => {}
        Verdict::Missing(waited) => {
            ledger.shown(waited);
            ledger.error("an acknowledged event did not show within 5 s");
        }
    }
}
