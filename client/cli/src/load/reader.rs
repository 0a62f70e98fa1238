//! Queries random learners, on a schedule of their own.

use std::io;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::{StreamExt, stream::FuturesUnordered};
use homeroom_proto::v1;
use tokio_util::sync::CancellationToken;

use super::{
    generator::{Population, learner_id},
    ledger::Ledger,
    precise_timer::PreciseTimer,
    schedule::steps,
};
use homeroom_client::Client;

/// Queries in flight. Queries beyond this wait, and are late.
const OUTSTANDING_MAX: usize = 256;

/// Queries whole profiles, as a recommender does: without a mask, with the default consistency.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) population: Population,
    pub(super) per_second: NonZeroU32,
    /// The seed of the times at which queries are due.
    pub(super) seed: u64,
    pub(super) rng: Rng,
}

/// The result of a query.
struct Answered {
    latency: Duration,
    error: Option<String>,
}

impl Reader {
    /// Queries until `stop`, then waits for the answers in flight.
    pub(super) async fn run(mut self, ledger: &Ledger, stop: &CancellationToken) -> io::Result<()> {
        let mut timer = PreciseTimer::new()?;
        let mut outstanding = FuturesUnordered::new();
        let mut number = 0;
        while !stop.is_cancelled() {
            let due = ledger.started() + self.due(number);
            let has_room = outstanding.len() < OUTSTANDING_MAX;
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(answer) = outstanding.next(), if !outstanding.is_empty() => note(answer, ledger),
                waited = timer.until(due), if has_room => {
                    waited?;
                    number += 1;
                    outstanding.push(self.ask(due));
                }
            }
        }
        let passed = ledger.started().elapsed();
        let missed = self.rest(number, passed);
        ledger.reads_overdue(missed.map(|(due, queries)| (queries, passed.saturating_sub(due))));
        while let Some(answer) = outstanding.next().await {
            note(answer, ledger);
        }
        Ok(())
    }

    /// When a query is due: at a random time within its share of a second, so that queries never
    /// run in step with batches.
    fn due(&self, number: u64) -> Duration {
        let within = Rng::with_seed(self.seed.wrapping_add(number)).u32(..);
        let passed = (u128::from(number) << u32::BITS) + u128::from(within);
        let nanos = (passed * 1_000_000_000 / u128::from(self.per_second.get())) >> u32::BITS;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The queries from `number` on that are due before `until`: times, and how many queries are
    /// due then. Neighbours are merged, as in [`Schedule::rest`].
    ///
    /// [`Schedule::rest`]: super::schedule::Schedule::rest
    fn rest(&self, number: u64, until: Duration) -> impl Iterator<Item = (Duration, u64)> {
        let shares = until.as_nanos() * u128::from(self.per_second.get()) / 1_000_000_000;
        let shares = u64::try_from(shares).unwrap_or(u64::MAX);
        // `until` may end within a share of a second whose query is due before it.
        let end = shares + u64::from(self.due(shares) < until);
        steps(number..end).map(|step| (self.due(step.start), step.end - step.start))
    }

    fn ask(&mut self, due: Instant) -> impl Future<Output = Answered> + use<> {
        let client = self.client.clone();
        let request = v1::GetLearnerRequest {
            user_id: learner_id(self.rng.u32(..self.population.learners.max(1))),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(per_second: u32) -> Reader {
        let endpoints = vec![tonic::transport::Uri::from_static("http://127.0.0.1:1")];
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        Reader {
            client: Client::connect_with(endpoints, homeroom_client::ClientOptions::default())
                .expect("an address"),
            population: Population {
                learners: 1,
                courses: 1,
            },
            per_second: NonZeroU32::new(per_second).expect("above 0"),
            seed,
            rng: Rng::with_seed(seed),
        }
    }

    #[tokio::test]
    async fn what_was_not_asked_is_what_was_due_and_not_gone_through() {
        let reader = reader(70);
        for ms in [0, 1, 3, 14, 500, 1_000, 3_210] {
            let until = Duration::from_millis(ms);
            for number in [0, 2, 71, 300] {
                let due = (number..).map(|number| reader.due(number));
                let expected: Vec<_> = due.take_while(|due| *due < until).collect();
                let rest: Vec<_> = reader.rest(number, until).collect();
                assert!(rest.iter().all(|(_, queries)| *queries == 1));
                assert!(rest.iter().map(|(due, _)| *due).eq(expected), "{until:?}");
            }
        }
    }

    #[tokio::test]
    async fn of_very_much_that_was_not_asked_all_is_counted_in_few_steps() {
        let day = Duration::from_secs(86_400);
        let rest: Vec<_> = reader(100_000).rest(0, day).collect();
        assert!(rest.len() <= 1_000 && rest.is_sorted());
        let queries: u64 = rest.iter().map(|(_, queries)| queries).sum();
        let whole = 86_400 * 100_000;
        assert!((whole..=whole + 1).contains(&queries), "{queries}");
    }
}
