//! A publisher that tracks its outstanding batches.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use homeroom_proto::v1;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::{
    ledger::{Ledger, Overdue, without_outcome},
    pending_probes::ProbeUpdate,
};
use homeroom_client::{Acknowledgements, Batch, Client, PublishError, Publisher, PublisherOptions};

/// Bytes in flight, beside the limit in batches.
const BYTES_IN_FLIGHT_MAX: usize = 16 << 20;

/// A publisher that tracks its outstanding batches, with the times at which they were due.
pub(super) struct TrackedPublisher {
    publisher: Publisher,
    outstanding: Arc<Outstanding>,
    ledger: Arc<Ledger>,
    tickets: u64,
}

/// Batches without an outcome, by ticket; bounded by the window.
#[derive(Debug)]
struct Outstanding {
    window: Semaphore,
    batches: Mutex<BTreeMap<u64, Sent>>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    events: u64,
    due: Instant,
    /// The probe in the batch.
    probe: Option<u64>,
}

impl TrackedPublisher {
    /// Opens a publisher with the window of `options`. `tasks` owns the task that handles its
    /// acknowledgements.
    pub(super) fn open(
        client: &Client,
        options: PublisherOptions,
        ledger: &Arc<Ledger>,
        updates: Option<mpsc::Sender<ProbeUpdate>>,
        tasks: &mut JoinSet<io::Result<()>>,
    ) -> Self {
        let window = options.batches_in_flight_max.max(1);
        let options = PublisherOptions {
            bytes_in_flight_max: BYTES_IN_FLIGHT_MAX,
            ..options
        };
        let (publisher, acknowledgements) = client.publisher(options);
        let outstanding = Arc::new(Outstanding {
            window: Semaphore::new(window),
            batches: Mutex::default(),
        });
        let (held, counted) = (Arc::clone(&outstanding), Arc::clone(ledger));
        tasks.spawn(async move {
            held.settle(acknowledgements, &counted, updates).await;
            Ok(())
        });
        Self {
            publisher,
            outstanding,
            ledger: Arc::clone(ledger),
            tickets: 0,
        }
    }

    /// Waits until the window has room for a batch, or the publisher has stopped. Cancel safe.
    pub(super) async fn room(&self) {
        // The acknowledgement releases the permit.
        if let Ok(permit) = self.outstanding.window.acquire().await {
            permit.forget();
        }
    }

    /// Sends a batch that was due at `due`, after [`Self::room`]. False when the publisher has
    /// stopped; [`Self::finish`] returns why.
    pub(super) async fn send(
        &mut self,
        events: Vec<v1::Event>,
        due: Instant,
        probe: Option<u64>,
    ) -> bool {
        let ticket = self.tickets;
        self.tickets += 1;
        let count = events.len() as u64;
        let sent = Sent {
            events: count,
            due,
            probe,
        };
        self.outstanding.batches().insert(ticket, sent);
        let is_taken = self.publisher.send(Batch::of_events(&events)).await.is_ok();
        // After a failure: a batch that is still in the map was never sent. One that is not was
        // counted as given up.
        if is_taken || self.outstanding.batches().remove(&ticket).is_none() {
            self.ledger.sent(count, due);
        } else {
            self.ledger.overdue([Overdue {
                events: count,
                // The prober counts the batch's probe.
                probes: 0,
                late: due.elapsed(),
            }]);
        }
        is_taken
    }

    /// Waits until every batch has its outcome.
    pub(super) async fn finish(self) -> Result<(), PublishError> {
        self.publisher.finish().await.map(|_| ())
    }
}

impl Outstanding {
    async fn settle(
        &self,
        mut acknowledgements: Acknowledgements,
        ledger: &Ledger,
        updates: Option<mpsc::Sender<ProbeUpdate>>,
    ) {
        while let Some(acknowledgement) = acknowledgements.next().await {
            let sent = self.batches().remove(&acknowledgement.ticket);
            self.window.add_permits(1);
            let Some(Sent { due, probe, .. }) = sent else {
                ledger.error("a batch was acknowledged twice");
                continue;
            };
            ledger.acknowledged(&acknowledgement, due);
            let is_whole = without_outcome(&acknowledgement) == 0;
            if let (Some(number), Some(updates), true) = (probe, &updates, is_whole) {
                // Fails once the prober has ended, which has counted this probe as given up.
                let _ = updates.send(ProbeUpdate::Acknowledged(number)).await;
            }
        }
        let given_up = std::mem::take(&mut *self.batches());
        for Sent { events, due, .. } in given_up.into_values() {
            ledger.given_up(events, due);
        }
        // Wakes the task that waits for room.
        self.window.close();
    }

    fn batches(&self) -> MutexGuard<'_, BTreeMap<u64, Sent>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use homeroom_client::ClientOptions;

    #[tokio::test]
    async fn what_nobody_acknowledged_is_late_and_what_nobody_took_is_overdue() {
        let nowhere = vec![tonic::transport::Uri::from_static("http://127.0.0.1:1")];
        let client = Client::connect_with(nowhere, ClientOptions::default()).expect("an address");
        let options = PublisherOptions {
            batches_in_flight_max: 3,
            give_up_after: Duration::from_millis(100),
            ..PublisherOptions::default()
        };
        let ledger = Arc::new(Ledger::new());
        let mut tasks = JoinSet::new();
        let mut publisher = TrackedPublisher::open(&client, options, &ledger, None, &mut tasks);
        let due = Instant::now();
        let batch = || vec![v1::Event::default(), v1::Event::default()];
        while {
            publisher.room().await;
            publisher.send(batch(), due, None).await
        } {}
        assert!(publisher.finish().await.is_err());
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no panic").expect("no error");
        }
        let measurements = ledger.close();
        assert_eq!((measurements.sent, measurements.overdue), (6, 2));
        assert_eq!(measurements.late.quantiles().samples, 8);
        let ack = measurements.ack.quantiles();
        assert_eq!(ack.samples, 8);
        assert!(ack.p50_ms.is_some_and(|ms| ms >= 100.0), "{ack:?}");
    }
}
