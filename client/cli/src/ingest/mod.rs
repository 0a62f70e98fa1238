//! Publishes a whole input: one thread reads and cuts it, a publisher keeps several batches in
//! flight, and the outcomes are counted.

mod batcher;
mod error;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::time::Duration;

use homeroom_proto::v1::{self, RawFormat};
use tokio::sync::{mpsc, watch};

use crate::input::{InputError, PayloadGroup, read_payloads};
use batcher::Batcher;
use homeroom_client::{
    Acknowledgements, Batch, Client, Failure, Position, PublishError, Publisher, PublisherOptions,
    Tally,
};

pub use error::{IngestError, IngestErrorKind};

/// A batch stays well below the 4 MiB that gRPC servers take by default.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Groups queued between the reading thread and the publisher.
const GROUPS_AHEAD: usize = 4;
/// How long the events of a slow pipe wait for a fuller batch.
const LINGER: Duration = Duration::from_millis(20);

/// Options of an ingest.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    /// The source of events that name none.
    pub source: String,
    /// Events in a batch, at most.
    pub batch_count_max: usize,
    /// The format; detected from the first payload when none.
    pub format: Option<RawFormat>,
    /// The limits of the publisher.
    pub publisher: PublisherOptions,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            source: String::new(),
            batch_count_max: 1_000,
            format: None,
            publisher: PublisherOptions::default(),
        }
    }
}

/// Publishes everything that `from` yields and waits for all outcomes. `on_progress` gets the
/// outcomes so far, and the present failure if there is one.
///
/// A thread of tokio's blocking pool reads the input. After a failure to publish, that thread ends
/// when its present read returns. With a silent pipe that may never happen, so shut the runtime
/// down in the background.
pub async fn ingest(
    client: &Client,
    from: impl Read + Send + 'static,
    options: &IngestOptions,
    on_progress: impl FnMut(&Tally, Option<&Failure>),
) -> Result<Tally, IngestError> {
    let (give, groups) = mpsc::channel(GROUPS_AHEAD);
    let (format, count_max) = (options.format, options.batch_count_max);
    let reading = tokio::task::spawn_blocking(move || read_all(from, format, count_max, &give));
    let (publisher, acknowledgements) = client.publisher(options.publisher);
    let trouble = publisher.trouble();
    let mut tally = Tally::default();
    let (published, ()) = tokio::join!(
        feed(publisher, groups, options),
        count(acknowledgements, trouble, &mut tally, on_progress),
    );
    if let Err(error) = published {
        return Err(IngestError {
            tally,
            kind: error.into(),
        });
    }
    let read = reading.await.unwrap_or_else(|join_error| {
        let error = std::io::Error::other(join_error);
        Err(InputError::Read(error))
    });
    match read {
        Ok(()) => Ok(tally),
        Err(error) => Err(IngestError {
            tally,
            kind: error.into(),
        }),
    }
}

fn read_all(
    from: impl Read,
    format: Option<RawFormat>,
    count_max: usize,
    give: &mpsc::Sender<PayloadGroup>,
) -> Result<(), InputError> {
    // The receiver is dropped once publishing has failed; then reading ends.
    let mut sink = |group| give.blocking_send(group).is_ok();
    read_payloads(from, format, count_max, BATCH_BYTES_MAX, &mut sink)
}

async fn feed(
    mut publisher: Publisher,
    mut groups: mpsc::Receiver<PayloadGroup>,
    options: &IngestOptions,
) -> Result<Position, PublishError> {
    let mut batcher = Batcher::new(options.batch_count_max, BATCH_BYTES_MAX);
    loop {
        let next = match batcher.is_empty() {
            true => Ok(groups.recv().await),
            false => tokio::time::timeout(LINGER, groups.recv()).await,
        };
        let ended = matches!(next, Ok(None));
        match next {
            Ok(Some(group)) => batcher.add(group),
            Ok(None) | Err(_) => batcher.complete(),
        }
        while let Some((format, payloads)) = batcher.next_full() {
            let source = options.source.clone();
            let raw = v1::RawEvents {
                format: format.into(),
                payloads,
                source,
            };
            if publisher.send(Batch::Raw(raw)).await.is_err() {
                drop(groups);
                return publisher.finish().await;
            }
        }
        if ended {
            return publisher.finish().await;
        }
    }
}

async fn count(
    mut acknowledgements: Acknowledgements,
    mut trouble: watch::Receiver<Option<Failure>>,
    tally: &mut Tally,
    mut on_progress: impl FnMut(&Tally, Option<&Failure>),
) {
    loop {
        tokio::select! {
            acknowledgement = acknowledgements.next() => match acknowledgement {
                Some(acknowledgement) => tally.add(&acknowledgement.outcomes),
                None => return,
            },
            Ok(()) = trouble.changed() => {}
        }
        on_progress(tally, trouble.borrow_and_update().as_ref());
    }
}
