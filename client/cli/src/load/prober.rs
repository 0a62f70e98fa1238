//! Measures the latency of insight: polls learners until their profiles show the watched events.
//!
//! Each poll is a `GetLearner` with a mask (`last_interactions` only) and consistency `ANY`: the
//! answering replica returns what it has, without waiting. Polls for an event begin when it is
//! sent, not after its acknowledgement. The pause between two polls is 0.3 ms, or 3 % of the
//! present latency when that is longer. `WatchLearner` would need fewer calls. But it sends at most
//! one update per learner every 10 ms, so it would measure that pause wherever a learner has
//! several events within it.

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

/// Updates that may wait for the prober; senders of more are suspended.
pub(super) const UPDATES_AHEAD: usize = 256;

/// The result of a poll.
struct Poll {
    number: u64,
    asked: Instant,
    answered: Instant,
    answer: Result<v1::GetLearnerResponse, CallError>,
}

/// Handles all probes. Ends when no more can arrive and each was shown or given up.
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
    // A failed poll shows nothing. The next one may succeed.
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
