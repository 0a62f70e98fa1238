//! Queries of random learners, on a schedule of their own.

use std::io;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::{StreamExt, stream::FuturesUnordered};
use homeroom_proto::v1;
use tokio_util::sync::CancellationToken;

use super::{
    alarm::Alarm,
    generator::{Cast, learner_id},
    ledger::Ledger,
};
use crate::Client;

/// Queries under way at once; what is due beyond that is late.
const OUTSTANDING_MAX: usize = 256;

/// Asks for whole profiles of learners, as a recommender does: no mask, default consistency.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) cast: Cast,
    pub(super) per_second: NonZeroU32,
    pub(super) rng: Rng,
}

impl Reader {
    /// Asks until `stop`; then waits for the answers that are still to come.
    pub(super) async fn run(mut self, ledger: &Ledger, stop: &CancellationToken) -> io::Result<()> {
        let mut alarm = Alarm::new()?;
        let mut outstanding = FuturesUnordered::new();
        let mut number = 0;
        while !stop.is_cancelled() {
            let due = ledger.started() + self.due(number);
            let has_room = outstanding.len() < OUTSTANDING_MAX;
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(answer) = outstanding.next(), if !outstanding.is_empty() => note(answer, ledger),
                waited = alarm.until(due), if has_room => {
                    waited?;
                    number += 1;
                    outstanding.push(self.ask(due));
                }
            }
        }
        let fallen_due = (number..)
            .take_while(|&number| self.due(number) < ledger.started().elapsed())
            .count();
        ledger.reads_overdue(fallen_due as u64);
        while let Some(answer) = outstanding.next().await {
            note(answer, ledger);
        }
        Ok(())
    }

    fn due(&self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.per_second.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn ask(&mut self, due: Instant) -> impl Future<Output = Result<Duration, String>> + use<> {
        let client = self.client.clone();
        let request = v1::GetLearnerRequest {
            user_id: learner_id(self.rng.u32(..self.cast.learners.max(1))),
            ..v1::GetLearnerRequest::default()
        };
        async move {
            let answer = client.get_learner(request).await;
            answer
                .map(|_| due.elapsed())
                .map_err(|error| error.to_string())
        }
    }
}

fn note(answer: Result<Duration, String>, ledger: &Ledger) {
    match answer {
        Ok(latency) => ledger.read(latency),
        Err(error) => ledger.error(error),
    }
}
