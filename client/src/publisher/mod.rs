//! Publishes through one stream: a bounded window of batches in flight, resent in order after a
//! reconnect.
//!
//! One task, the driver, owns the window and the connection. It starts with the [`Publisher`] and
//! ends with [`Publisher::finish`]. Dropping the publisher aborts it.

mod connection;
mod driver;
mod error;
mod in_flight;
mod window;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use homeroom_proto::v1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::{Batch, Client, Failure, Position, RetryPolicy};
use driver::Driver;
use in_flight::{InFlight, Room};

pub use error::{ProtocolError, PublishError};

/// The limits of a publisher.
#[derive(Clone, Copy, Debug)]
pub struct PublisherOptions {
    /// Batches in flight, at most.
    pub batches_in_flight_max: usize,
    /// Bytes in flight, at most. A single larger batch is sent alone.
    pub bytes_in_flight_max: usize,
    /// The publisher fails when batches wait and none was acknowledged for this long.
    pub give_up_after: Duration,
    /// The publisher reconnects when the connection acknowledged nothing for this long.
    pub stalled_after: Duration,
    /// The pauses between attempts.
    pub retry: RetryPolicy,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            batches_in_flight_max: 32,
            bytes_in_flight_max: 16 << 20,
            give_up_after: Duration::from_secs(60),
            stalled_after: Duration::from_secs(15),
            retry: RetryPolicy::default(),
        }
    }
}

/// The outcomes of one batch, which is not sent again.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledgement {
    /// The ticket that [`Publisher::send`] returned for the batch.
    pub ticket: u64,
    /// One outcome per event, in the batch's order. `EVENT_STATUS_RETRY` only when the publisher
    /// gave up: such an event has no outcome. With `unknown` it may or may not be stored, and may
    /// yet be; without, it is not stored.
    pub outcomes: Vec<v1::EventOutcome>,
    /// How often the batch, or a part of it, was sent.
    pub attempts: u32,
}

/// Sends batches in order, each at least once. After a broken connection everything unacknowledged
/// is resent: the same bytes in the same order, with the same ids. Until it is answered, its
/// outcome is unknown. An event that had arrived with its first delivery, or arrives late, is then
/// a duplicate: it was in, or is now, and counts once. What is still unknown when the publisher
/// gives up is acknowledged as that.
#[derive(Debug)]
pub struct Publisher {
    submissions: mpsc::Sender<InFlight>,
    batches: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    bytes_max: usize,
    next_ticket: u64,
    trouble: watch::Receiver<Option<Failure>>,
    driver: AbortOnDropHandle<Result<Position, PublishError>>,
}

impl Client {
    /// Opens a stream of batches. Acknowledgements must be received while batches are sent.
    pub fn publisher(&self, options: PublisherOptions) -> (Publisher, Acknowledgements) {
        Publisher::start(self.clone(), options)
    }
}

impl Publisher {
    fn start(client: Client, options: PublisherOptions) -> (Self, Acknowledgements) {
        let batches_max = options.batches_in_flight_max.max(1);
        let bytes_max = options.bytes_in_flight_max.clamp(1, u32::MAX as usize);
        let (submissions, to_driver) = mpsc::channel(batches_max);
        let (acknowledge, acknowledgements) = mpsc::channel(batches_max);
        let (tell_trouble, trouble) = watch::channel(None);
        let driver = Driver::new(client, options, to_driver, acknowledge, tell_trouble);
        let publisher = Self {
            submissions,
            batches: Arc::new(Semaphore::new(batches_max)),
            bytes: Arc::new(Semaphore::new(bytes_max)),
            bytes_max,
            next_ticket: 0,
            trouble,
            driver: AbortOnDropHandle::new(tokio::spawn(driver.run())),
        };
        (publisher, Acknowledgements(acknowledgements))
    }

    /// Submits a batch once the window has room for it, and returns its ticket. An empty batch is
    /// acknowledged like any other.
    ///
    /// Acknowledgements must be received meanwhile, by another task or by `select!`: otherwise the
    /// window stays full. An error says only that the publisher has stopped; [`Self::finish`]
    /// returns the reason. Cancel safe: a batch is sent or not.
    pub async fn send(&mut self, batch: Batch) -> Result<u64, PublishError> {
        let weight = batch.weight_bytes().clamp(1, self.bytes_max);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let stopped = |_| PublishError::Stopped;
        let room = Room {
            _batch: self.room(&self.batches, 1).await?,
            _bytes: self.room(&self.bytes, weight).await?,
        };
        let ticket = self.next_ticket;
        self.submissions
            .send(InFlight::new(ticket, batch, room))
            .await
            .map_err(stopped)?;
        self.next_ticket += 1;
        Ok(ticket)
    }

    /// Waits for permits, or for the end of the driver, which would never release any.
    async fn room(
        &self,
        budget: &Arc<Semaphore>,
        amount: u32,
    ) -> Result<OwnedSemaphorePermit, PublishError> {
        tokio::select! {
            permit = Arc::clone(budget).acquire_many_owned(amount) => {
                permit.map_err(|_| PublishError::Stopped)
            }
            () = self.submissions.closed() => Err(PublishError::Stopped),
        }
    }

    /// The present failure; none while acknowledgements arrive.
    pub fn trouble(&self) -> watch::Receiver<Option<Failure>> {
        self.trouble.clone()
    }

    /// Waits until every batch is acknowledged, and returns the position that covers them all.
    ///
    /// # Errors
    /// When the publisher gave up. Every batch is acknowledged all the same, each event as what it
    /// is known to be. So the acknowledgements must still be received.
    pub async fn finish(self) -> Result<Position, PublishError> {
        drop(self.submissions);
        self.driver.await.unwrap_or(Err(PublishError::Stopped))
    }
}

/// The acknowledgements of a [`Publisher`]. Their order is that of the batches, except for batches
/// of which a part was sent again. The stream ends with the publisher.
#[derive(Debug)]
pub struct Acknowledgements(mpsc::Receiver<Acknowledgement>);

impl Acknowledgements {
    /// The next one; none when the publisher has ended.
    pub async fn next(&mut self) -> Option<Acknowledgement> {
        self.0.recv().await
    }
}

impl Stream for Acknowledgements {
    type Item = Acknowledgement;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
