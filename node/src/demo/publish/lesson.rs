//! The lesson: publishes the events before the demo as fast as possible, then each event when it is
//! due.

use std::{sync::Arc, time::Duration};

use homeroom_client::Client;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    batches::{Batch, Batches},
    ledger::Ledger,
    now_ms,
    publisher::Publisher,
};
use crate::demo::{
    class::{Delivery, Script, Source},
    error::DemoError,
};

/// The time from the start of the lesson to the start of the demo, ms.
const HISTORY_MS: i64 = 10 * 60_000;

/// The past is published in pieces of this length, ms, to bound the memory of a class of ten
/// thousand.
const PIECE_MS: i64 = 15_000;
/// Events in a batch, at most.
const BATCH_EVENTS_MAX: usize = 500;
/// While the past is published, more events fall due. The class has caught up when less than this
/// is left to publish, ms.
const CAUGHT_UP_MS: i64 = 300;
/// The most pieces published beyond the ten minutes. A class that has not caught up by then goes
/// live, and is shown as behind.
const CATCH_UP_PIECES: usize = 20;
/// Between two checks for deliveries that are due.
const LIVE_EVERY: Duration = Duration::from_millis(100);
/// Batches queued for one source. When the queue is full, deliveries wait.
const QUEUE_BATCHES: usize = 16;

/// A running lesson.
pub struct Lesson {
    tasks: JoinSet<Result<(), DemoError>>,
    stop: CancellationToken,
    live: watch::Receiver<Option<Instant>>,
    /// The start of the lesson, ms since the epoch.
    pub start_ms: i64,
}

/// Publishes the script's deliveries when they are due.
struct Feed {
    script: Script,
    start_ms: i64,
    stop: CancellationToken,
    went_live: watch::Sender<Option<Instant>>,
}

impl Lesson {
    /// Starts the lesson, ten minutes in the past. `connect` opens a connection for each source.
    ///
    /// # Errors
    /// When a connection can't be opened.
    pub fn start(
        (seed, learners): (u64, usize),
        ledger: &Arc<Ledger>,
        connect: impl Fn() -> Result<Client, DemoError>,
    ) -> Result<Self, DemoError> {
        let start_ms = now_ms() - HISTORY_MS;
        let (went_live, live) = watch::channel(None);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut sources = Vec::new();
        for source in Source::ALL {
            let (batches, queue) = mpsc::channel(QUEUE_BATCHES);
            let publisher = Publisher::new(connect()?, Arc::clone(ledger));
            tasks.spawn(publish_all(publisher, queue));
            sources.push((source, Batches::default(), batches));
        }
        let feed = Feed {
            script: Script::new(seed, learners, start_ms),
            start_ms,
            stop: stop.clone(),
            went_live,
        };
        let publisher = Publisher::new(connect()?, Arc::clone(ledger));
        tasks.spawn(feed.run(publisher, sources));
        Ok(Self {
            tasks,
            stop,
            live,
            start_ms,
        })
    }

    /// Whether the past has been published.
    pub fn is_live(&self) -> bool {
        self.live.borrow().is_some()
    }

    /// A future that completes once the lesson has been live for `time`.
    pub fn live_for(&self, time: Duration) -> impl Future<Output = ()> + use<> {
        let mut live = self.live.clone();
        async move {
            let since = match live.wait_for(Option::is_some).await {
                Ok(since) => *since,
                // The feed has ended; `failed` returns why.
                Err(_) => None,
            };
            match since {
                Some(since) => tokio::time::sleep_until(since + time).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Waits for a failure.
    pub async fn failed(&mut self) -> DemoError {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Err(error))) => return error,
                Some(Err(error)) => return DemoError::Task(error.to_string()),
                // The feed ends without an error when a source fails; the source's own result has
                // the error.
                Some(Ok(Ok(()))) => {}
                None => return DemoError::Task("the lesson ended by itself".to_owned()),
            }
        }
    }

    /// Ends the lesson. Batches in flight are acknowledged and counted first.
    ///
    /// # Errors
    /// The first failure of a task.
    pub async fn finish(mut self) -> Result<(), DemoError> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(|error| DemoError::Task(error.to_string()))??;
        }
        Ok(())
    }
}

type SourceQueue = (Source, Batches, mpsc::Sender<Batch>);

impl Feed {
    async fn run(
        mut self,
        past: Publisher,
        mut sources: Vec<SourceQueue>,
    ) -> Result<(), DemoError> {
        self.tell_the_past(past).await?;
        self.went_live.send_replace(Some(Instant::now()));
        let mut looks = interval(LIVE_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = self.stop.cancelled() => return Ok(()),
            }
            let due = self.script.until(now_ms());
            tokio::select! {
                is_taken = hand_out(due, &mut sources) => if !is_taken { return Ok(()) },
                () = self.stop.cancelled() => return Ok(()),
            }
        }
    }

    async fn tell_the_past(&mut self, publisher: Publisher) -> Result<(), DemoError> {
        let mut batches = Batches::default();
        let pieces = usize::try_from(HISTORY_MS / PIECE_MS).unwrap_or(0) + CATCH_UP_PIECES;
        let mut at_ms = self.start_ms;
        for _ in 0..pieces {
            for batch in batches.cut(self.script.until(at_ms), BATCH_EVENTS_MAX) {
                if self.stop.is_cancelled() {
                    return Ok(());
                }
                publisher.publish(&batch).await?;
            }
            let now = now_ms();
            if now - at_ms <= CAUGHT_UP_MS {
                break;
            }
            at_ms = (at_ms + PIECE_MS).min(now);
        }
        Ok(())
    }
}

/// Queues each delivery for its source; false when a source has failed.
async fn hand_out(mut due: Vec<Delivery>, sources: &mut [SourceQueue]) -> bool {
    for (source, batches, queue) in sources {
        let (own, others) = due.into_iter().partition(|of| of.source == *source);
        due = others;
        for batch in batches.cut(own, BATCH_EVENTS_MAX) {
            if queue.send(batch).await.is_err() {
                return false;
            }
        }
    }
    true
}

async fn publish_all(
    mut publisher: Publisher,
    mut queue: mpsc::Receiver<Batch>,
) -> Result<(), DemoError> {
    while let Some(batch) = queue.recv().await {
        publisher.publish_live(&batch).await?;
    }
    Ok(())
}
