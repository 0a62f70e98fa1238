//! The lesson: publishes what has happened before the demo began as fast as it goes, then everything as it falls due.

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

/// How long the lesson has been on when the demo starts, ms.
const HISTORY_MS: i64 = 10 * 60_000;

/// The past is published in pieces of this, ms: a class of ten thousand need not be in memory for ten minutes at once.
const PIECE_MS: i64 = 15_000;
/// Events in a batch, at most.
const BATCH_EVENTS_MAX: usize = 500;
/// While the past is published, time goes on; closer than this it counts as caught up, ms.
const CAUGHT_UP_MS: i64 = 300;
/// Pieces beyond the ten minutes; whoever has not caught up then is behind, and shown so.
const CATCH_UP_PIECES: usize = 20;
/// Between two looks at what has fallen due.
const LIVE_EVERY: Duration = Duration::from_millis(100);
/// Batches that wait for one source's connection; beyond it, what falls due waits.
const QUEUE_BATCHES: usize = 16;

/// A lesson that is on.
pub struct Lesson {
    tasks: JoinSet<Result<(), DemoError>>,
    stop: CancellationToken,
    live: watch::Receiver<Option<Instant>>,
    /// When it began, ms since the epoch.
    pub start_ms: i64,
}

/// Publishes what the script says, when it says so.
struct Feed {
    script: Script,
    start_ms: i64,
    stop: CancellationToken,
    went_live: watch::Sender<Option<Instant>>,
}

impl Lesson {
    /// Begins ten minutes ago. `connect` gives a connection of its own to each source.
    ///
    /// # Errors
    /// When there is no connection.
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

    /// Whether the past is told, and the class lives in the present.
    pub fn is_live(&self) -> bool {
        self.live.borrow().is_some()
    }

    /// A handle that waits until the lesson has been live for so long.
    pub fn live_for(&self, time: Duration) -> impl Future<Output = ()> + use<> {
        let mut live = self.live.clone();
        async move {
            let since = match live.wait_for(Option::is_some).await {
                Ok(since) => *since,
                // The feed has ended, which its own result tells.
                Err(_) => None,
            };
            match since {
                Some(since) => tokio::time::sleep_until(since + time).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Waits for something to go wrong.
    pub async fn failed(&mut self) -> DemoError {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Err(error))) => return error,
                Some(Err(error)) => return DemoError::Task(error.to_string()),
                // The feed ends by itself when a source has: that one tells why.
                Some(Ok(Ok(()))) => {}
                None => return DemoError::Task("the lesson ended by itself".to_owned()),
            }
        }
    }

    /// Ends it: what is under way is acknowledged and counted first.
    ///
    /// # Errors
    /// What went wrong meanwhile.
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

/// To each source's connection what is its own; false when one of them has ended.
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
