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
    precise_timer::PreciseTimer,
    watched::{News, Probe, Verdict, Watched},
};
use homeroom_client::{CallError, Client};

/// What is told of events faster than it is taken waits here, and then with whoever tells it.
pub(super) const NEWS_AHEAD: usize = 256;

/// What came of one look.
struct Look {
    number: u64,
    asked: Instant,
    answered: Instant,
    answer: Result<v1::GetLearnerResponse, CallError>,
}

/// Watches for all events that it is told of; ends when nobody can tell of more, and each has shown or never will.
pub(super) async fn probe(
    client: Client,
    mut news: mpsc::Receiver<News>,
    ledger: &Ledger,
) -> io::Result<()> {
    let mut timer = PreciseTimer::new()?;
    let mut watched = Watched::default();
    let mut looks = FuturesUnordered::new();
    let mut is_open = true;
    while is_open || !watched.is_empty() {
        let next_look = watched.next_look();
        tokio::select! {
            biased;
            Some(look) = looks.next(), if !looks.is_empty() => judge(look, &mut watched, ledger),
            told = news.recv(), if is_open => match told {
                Some(News::Sent(probe)) => watched.add(probe),
                Some(News::Acknowledged(number)) => watched.acknowledged(number, Instant::now()),
                None => {
                    is_open = false;
                    for waited in watched.forget_unacknowledged(Instant::now()) {
                        ledger.shown(waited);
                    }
                }
            },
            waited = timer.until(next_look.unwrap_or_else(Instant::now)), if next_look.is_some() => {
                waited?;
                if let Some(probe) = watched.take_look() {
                    looks.push(look(client.clone(), probe));
                }
            }
        }
    }
    Ok(())
}

fn look(client: Client, probe: &Probe) -> impl Future<Output = Look> + use<> {
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
        Look {
            number,
            asked,
            answered: Instant::now(),
            answer,
        }
    }
}

fn judge(look: Look, watched: &mut Watched, ledger: &Ledger) {
    // A look that failed showed nothing: the next one may.
    let profile = match look.answer {
        Ok(answer) => answer.profile,
        Err(error) => {
            ledger.error(error);
            None
        }
    };
    let times = (look.asked, look.answered);
    match watched.answered(look.number, times, profile.as_ref()) {
        Verdict::Shown(latency) => ledger.shown(latency),
        Verdict::NotYet => {}
        Verdict::Missing(waited) => {
            ledger.shown(waited);
            ledger.error("an acknowledged event did not show within 5 s");
        }
    }
}
