//! A low-priority thread for work that may be late.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    thread,
};

use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait for the thread. Each shard has a few at most, and a node has at most 256
/// shards.
const JOBS_QUEUED: usize = 1_024;
/// Niceness: the thread gets a third of the processor time of others when there is contention. With
/// less, the checkpoints of a busy node would fall behind its log.
const NICENESS: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// A handle of the thread. The thread ends with its last handle.
#[derive(Clone, Debug)]
pub struct Background(mpsc::Sender<Job>);

/// The job panicked.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the background thread did not finish the work")]
pub struct Unfinished;

impl Background {
    /// Starts a thread with this name.
    ///
    /// # Errors
    /// When the system can't start another thread.
    pub fn start(name: &str) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(JOBS_QUEUED);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // On Linux the niceness is that of the calling thread. Without the right to change
                // it, the thread runs at the default priority.
                let _ = rustix::process::nice(NICENESS);
                while let Some(job) = queue.blocking_recv() {
                    // A panic that does not end the process is reported to the caller of the job.
                    let _ = panic::catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        Ok(Self(jobs))
    }

    /// Runs `work` on the thread, after all earlier jobs, and returns its result.
    ///
    /// # Errors
    /// When `work` panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            // The caller may have dropped its receiver.
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
