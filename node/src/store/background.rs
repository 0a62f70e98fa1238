//! A thread for what nobody waits for: it runs when the processors have nothing better to do, more or less.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    thread,
};

use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait for the thread: at most a few for each shard of a node, and there are at most 256.
const JOBS_QUEUED: usize = 1_024;
/// How much less of a contended processor the thread gets: a third of what others do. Less still, and checkpoints of a busy node would
/// fall behind its log.
const NICENESS: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// Hands work to the thread; it ends with the last handle.
#[derive(Clone, Debug)]
pub struct Background(mpsc::Sender<Job>);

/// The work came to no end: it panicked.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the background thread did not finish the work")]
pub struct Unfinished;

impl Background {
    /// Starts a thread of this name.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(name: &str) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(JOBS_QUEUED);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // On Linux this is the calling thread's alone. Where it is not allowed the thread does the same work at the common rank.
                let _ = rustix::process::nice(NICENESS);
                while let Some(job) = queue.blocking_recv() {
                    // A panic that does not end the process is its job's alone: whoever waits for it hears of it.
                    let _ = panic::catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        Ok(Self(jobs))
    }

    /// Has the thread do some work, after what it was given before.
    ///
    /// # Errors
    /// When the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever no longer waits does not want to know.
            let _ = done.send(work());
        });
        self.0.send(job).await.map_err(|_| Unfinished)?;
        result.await.map_err(|_| Unfinished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_in_its_order_and_answered() {
        let background = Background::start("background").expect("a thread");
        let (order, done) = std::sync::mpsc::channel();
        for number in 0..3 {
            let order = order.clone();
            let work = move || order.send(number).map(|()| number * 2);
            assert_eq!(background.run(work).await, Ok(Ok(number * 2)));
        }
        drop(order);
        assert_eq!(done.iter().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
