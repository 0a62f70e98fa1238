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
    /// What says when within its time a query is due.
    pub(super) seed: u64,
    pub(super) rng: Rng,
}

/// What came of a query.
struct Answered {
    latency: Duration,
    error: Option<String>,
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
        let passed = ledger.started().elapsed();
        let due = (number..).map(|number| self.due(number));
        for due in due.take_while(|due| *due < passed) {
            ledger.read_overdue(passed.saturating_sub(due));
        }
        while let Some(answer) = outstanding.next().await {
            note(answer, ledger);
        }
        Ok(())
    }

    /// Somewhere within each query's share of a second: in step with nothing else that is on a schedule.
    fn due(&self, number: u64) -> Duration {
        let within = Rng::with_seed(self.seed.wrapping_add(number)).u32(..);
        let passed = (u128::from(number) << u32::BITS) + u128::from(within);
        let nanos = (passed * 1_000_000_000 / u128::from(self.per_second.get())) >> u32::BITS;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn ask(&mut self, due: Instant) -> impl Future<Output = Answered> + use<> {
        let client = self.client.clone();
        let request = v1::GetLearnerRequest {
            user_id: learner_id(self.rng.u32(..self.cast.learners.max(1))),
            ..v1::GetLearnerRequest::default()
        };
        async move {
            let answer = client.get_learner(request).await;
            Answered {
                latency: due.elapsed(),
                error: answer.err().map(|error| error.to_string()),
            }
        }
    }
}

fn note(answer: Answered, ledger: &Ledger) {
    ledger.read(answer.latency);
    if let Some(error) = answer.error {
        ledger.error(error);
    }
}
