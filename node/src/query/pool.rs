//! Runs long queries off the runtime's threads: in slices that take turns, and few at once.

use std::{
    num::NonZero,
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::timeout,
};
use tonic::Status;

use crate::status;

/// Queries that are accepted at once; further ones are refused.
const ACCEPTED_MAX: usize = 256;
/// Queries that have begun at once. Each holds up to some 32 MiB of copies.
const BEGUN_MAX: usize = 4;
/// Queries of many learners that have begun at once.
const BEGUN_WIDE_MAX: usize = 2;
/// Queries of many learners that are accepted at once.
const ACCEPTED_WIDE_MAX: usize = 32;
/// How long a query may wait before it begins.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Length of a slice. Between two slices others get their turn.
const SLICE: Duration = Duration::from_millis(20);
/// Maximum time that one query may be worked on.
const WORK_MAX: Duration = Duration::from_secs(20);

/// Work that can be interrupted.
pub trait Sliced: Send + 'static {
    /// The result.
    type Answer: Send + 'static;

    /// Works until the answer is there, or until a time; then it is called again.
    ///
    /// # Errors
    /// When there is no answer.
    fn work(&mut self, until: Instant) -> Result<Option<Self::Answer>, Status>;
}

/// Runs queries. Clones share its bounds.
#[derive(Clone)]
pub struct QueryPool(Arc<Places>);

struct Places {
    accepted: Semaphore,
    accepted_wide: Semaphore,
    begun: Semaphore,
    /// For queries of many learners, so that these leave places to those of one.
    begun_wide: Semaphore,
    /// One per thread that works at the same time.
    turns: Arc<Semaphore>,
}

impl QueryPool {
    /// A pool that works on as many threads as there are processors, at most four.
    pub fn new() -> Self {
        let threads = available_parallelism()
            .map_or(1, NonZero::get)
            .min(BEGUN_MAX);
        Self(Arc::new(Places {
            accepted: Semaphore::new(ACCEPTED_MAX),
            accepted_wide: Semaphore::new(ACCEPTED_WIDE_MAX),
            begun: Semaphore::new(BEGUN_MAX),
            begun_wide: Semaphore::new(BEGUN_WIDE_MAX),
            turns: Arc::new(Semaphore::new(threads)),
        }))
    }

    /// The answer of a query of one learner. Dropping the future ends the work after the present
    /// slice.
    ///
    /// # Errors
    /// When too many queries wait, or the query fails.
    pub async fn run<T: Sliced>(&self, task: T) -> Result<T::Answer, Status> {
        self.run_in(&self.0.accepted, &self.0.begun, task).await
    }

    /// The answer of a query of many learners, see [`Self::run`].
    ///
    /// # Errors
    /// When too many queries wait, or the query fails.
    pub async fn run_wide<T: Sliced>(&self, task: T) -> Result<T::Answer, Status> {
        let places = &self.0;
        self.run_in(&places.accepted_wide, &places.begun_wide, task)
            .await
    }

    async fn run_in<T: Sliced>(
        &self,
        accepted: &Semaphore,
        begun: &Semaphore,
        task: T,
    ) -> Result<T::Answer, Status> {
        let _accepted = accepted.try_acquire().map_err(|_| overloaded())?;
        let begun = timeout(WAIT_MAX, begun.acquire()).await;
        let begun = begun.map_err(|_| overloaded())?;
        let (_, answer) = self.run_begun(task, begun.ok()).await?;
        Ok(answer)
    }

    /// The next answer of a task that has several, however long it has to wait. Its caller bounds
    /// how many of these tasks there are.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn run_next<T: Sliced>(&self, task: T) -> Result<(T, T::Answer), Status> {
        let begun = self.0.begun_wide.acquire().await;
        self.run_begun(task, begun.ok()).await
    }

    async fn run_begun<T: Sliced>(
        &self,
        mut task: T,
        _begun: Option<SemaphorePermit<'_>>,
    ) -> Result<(T, T::Answer), Status> {
        let mut worked = Duration::ZERO;
        loop {
            // The semaphore is never closed.
            let turn = Arc::clone(&self.0.turns).acquire_owned().await.ok();
            let slice = spawn_blocking(move || {
                let begun = Instant::now();
                let done = task.work(begun + SLICE);
                // Kept until here, also when nobody waits for the answer any more.
                drop(turn);
                (task, done, begun.elapsed())
            });
            let (back, done, took) = slice
                .await
                .map_err(|_| status::unavailable("STOPPING", "the node is stopping"))?;
            if let Some(answer) = done? {
                return Ok((back, answer));
            }
            worked += took;
            if worked > WORK_MAX {
                return Err(status::too_much(
                    "too much for one query: ask for fewer or smaller windows",
                ));
            }
            task = back;
        }
    }
}

impl Default for QueryPool {
    fn default() -> Self {
        Self::new()
    }
}

fn overloaded() -> Status {
    status::overloaded("too many queries at once")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;

    /// Ends when it is told to, and counts its slices.
    struct Patient {
        ends: Arc<AtomicUsize>,
        slices: Arc<AtomicUsize>,
    }

    impl Sliced for Patient {
        type Answer = ();

        fn work(&mut self, until: Instant) -> Result<Option<()>, Status> {
            assert!(until > Instant::now());
            self.slices.fetch_add(1, Ordering::Relaxed);
            let ends = self.ends.load(Ordering::Relaxed) > 0;
            Ok(ends.then_some(()))
        }
    }

    // The paused clock stands still while a slice runs, so nobody waits too long.
    #[tokio::test(start_paused = true)]
    async fn queries_take_turns_and_too_many_are_refused() {
        let (pool, ends) = (QueryPool::new(), Arc::new(AtomicUsize::new(0)));
        let mut running = tokio::task::JoinSet::new();
        let mut slices = Vec::new();
        for _ in 0..ACCEPTED_MAX {
            let counted = Arc::new(AtomicUsize::new(0));
            slices.push(Arc::clone(&counted));
            let (pool, ends) = (pool.clone(), Arc::clone(&ends));
            let slices = counted;
            running.spawn(async move { pool.run(Patient { ends, slices }).await });
        }
        // Those that have begun take turns, though none of them ends.
        let begun = || {
            let some = |slices: &&Arc<AtomicUsize>| slices.load(Ordering::Relaxed) > 2;
            slices.iter().filter(some).count()
        };
        while begun() < BEGUN_MAX || pool.0.accepted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = pool.run(Patient {
            ends: Arc::clone(&ends),
            slices: Arc::default(),
        });
        let refused = refused.await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.get_details_retry_info().is_some());
        assert_eq!(begun(), BEGUN_MAX);
        ends.store(1, Ordering::Relaxed);
        while let Some(ended) = running.join_next().await {
            ended.expect("no panic").expect("an answer");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn queries_of_many_learners_leave_places_to_those_of_one() {
        let (pool, never) = (QueryPool::new(), Arc::new(AtomicUsize::new(0)));
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..ACCEPTED_WIDE_MAX {
            let (pool, ends) = (pool.clone(), Arc::clone(&never));
            let slices = Arc::default();
            running.spawn(async move { pool.run_wide(Patient { ends, slices }).await });
        }
        while pool.0.accepted_wide.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let short = Patient {
            ends: Arc::new(AtomicUsize::new(1)),
            slices: Arc::default(),
        };
        pool.run(short).await.expect("it has a place");
        let refused = pool.run_wide(Patient {
            ends: Arc::clone(&never),
            slices: Arc::default(),
        });
        assert_eq!(refused.await.unwrap_err().code(), Code::ResourceExhausted);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_query_that_nobody_waits_for_ends() {
        let (pool, slices) = (QueryPool::new(), Arc::new(AtomicUsize::new(0)));
        let task = Patient {
            ends: Arc::default(),
            slices: Arc::clone(&slices),
        };
        let waiting = timeout(SLICE, pool.run(task)).await;
        assert!(waiting.is_err());
        // The task is dropped with its last slice.
        while Arc::strong_count(&slices) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.0.accepted.available_permits(), ACCEPTED_MAX);
    }
}
