//! The task of a publisher: sends the window's batches and handles acknowledgements, pauses and
//! reconnects.

use homeroom_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::{
    Acknowledgement, PublishError, PublisherOptions,
    connection::Connection,
    in_flight::InFlight,
    window::{Received, Window},
};
use crate::{Client, Failure, Position, retry::Backoff};

/// The task of a publisher.
pub(super) struct Driver {
    client: Client,
    options: PublisherOptions,
    submissions: mpsc::Receiver<InFlight>,
    acknowledge: mpsc::Sender<Acknowledgement>,
    window: Window,
    position: Position,
    backoff: Backoff,
    /// Whether no more batches can be submitted.
    closed: bool,
    /// Nothing is sent before this time: the node asked for a pause.
    held_until: Option<Instant>,
    /// When an event last got its outcome, or when the first batch entered an empty window.
    progress_at: Instant,
    trouble: watch::Sender<Option<Failure>>,
}

/// The next event on a connection.
enum Step {
    Received(Result<v1::PublishStreamResponse, Failure>),
    MaySend(Option<mpsc::OwnedPermit<v1::PublishStreamRequest>>),
    Submitted(Option<InFlight>),
    HoldOver,
    Stalled,
}

impl Driver {
    pub(super) fn new(
        client: Client,
        options: PublisherOptions,
        submissions: mpsc::Receiver<InFlight>,
        acknowledge: mpsc::Sender<Acknowledgement>,
        trouble: watch::Sender<Option<Failure>>,
    ) -> Self {
        Self {
            client,
            options,
            submissions,
            acknowledge,
            window: Window::default(),
            position: Position::default(),
            backoff: Backoff::new(options.retry),
            closed: false,
            held_until: None,
            progress_at: Instant::now(),
            trouble,
        }
    }

    /// Runs until every batch is acknowledged and no more can be submitted, or until it gives up.
    pub(super) async fn run(mut self) -> Result<Position, PublishError> {
        let published = self.publish_all().await;
        if published.is_err() {
            self.give_up().await;
        }
        published.map(|()| self.position)
    }

    /// Reports what every batch without an acknowledgement is known to be. No more are taken.
    async fn give_up(&mut self) {
        self.submissions.close();
        while let Some(batch) = self.submissions.recv().await {
            self.window.push(batch);
        }
        for unresolved in self.window.give_up() {
            // A dropped receiver is not interested in outcomes.
            let _ = self.acknowledge.send(unresolved).await;
        }
    }

    async fn publish_all(&mut self) -> Result<(), PublishError> {
        while !self.is_done() {
            if self.window.is_empty() {
                let submission = self.submissions.recv().await;
                self.submitted(submission);
                continue;
            }
            let Err(failure) = self.connection().await? else {
                continue;
            };
            self.pause(failure).await?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.closed && self.window.is_empty()
    }

    /// Uses one connection until everything is done (`Ok`) or it breaks (`Err`).
    async fn connection(&mut self) -> Result<Result<(), Failure>, PublishError> {
        let mut connection = Connection::open(self.client.endpoints().current().clone());
        let mut alive_at = Instant::now();
        loop {
            match self.step(&mut connection, alive_at).await {
                Step::Received(Ok(answer)) => {
                    alive_at = Instant::now();
                    self.received(answer, &connection.node.name).await?;
                }
                Step::Received(Err(failure)) if self.is_done() && failure.is_retryable() => {
                    return Ok(Ok(()));
                }
                Step::Received(Err(failure)) => return Ok(Err(failure)),
                Step::MaySend(Some(permit)) => {
                    if let Some(request) = self.window.next_request() {
                        permit.send(request);
                    }
                }
                Step::MaySend(None) => connection.close_sending(),
                Step::Submitted(submission) => {
                    if self.window.is_empty() {
                        alive_at = Instant::now();
                    }
                    self.submitted(submission);
                }
                Step::HoldOver => self.held_until = None,
                Step::Stalled => {
                    let message = "nothing was acknowledged for too long";
                    let status = Status::deadline_exceeded(message);
                    return Ok(Err(Failure::new(&connection.node.name, status)));
                }
            }
            if self.is_done() {
                return Ok(Ok(()));
            }
        }
    }

    async fn step(&mut self, connection: &mut Connection, alive_at: Instant) -> Step {
        let now = Instant::now();
        let hold = self.held_until;
        let waits = !self.window.is_empty();
        let stalled_at = (alive_at + self.options.stalled_after).min(self.give_up_at());
        let (sending, mut receiving) = connection.split();
        let may_send = hold.is_none() && self.window.has_waiting() && sending.is_open();
        tokio::select! {
            biased;
            answer = receiving.next() => Step::Received(answer),
            permit = sending.reserve(), if may_send => Step::MaySend(permit),
            batch = self.submissions.recv(), if !self.closed => Step::Submitted(batch),
            () = sleep_until(hold.unwrap_or(now)), if hold.is_some() => Step::HoldOver,
            () = sleep_until(stalled_at), if waits => Step::Stalled,
        }
    }

    fn submitted(&mut self, submission: Option<InFlight>) {
        let Some(batch) = submission else {
            self.closed = true;
            return;
        };
        if self.window.is_empty() {
            self.progress_at = Instant::now();
        }
        self.window.push(batch);
    }

    async fn received(
        &mut self,
        answer: v1::PublishStreamResponse,
        endpoint: &str,
    ) -> Result<(), PublishError> {
        if let Some(token) = &answer.position {
            self.position.merge_token(token)?;
            self.client.observe(token)?;
        }
        let received = self
            .window
            .receive(answer)
            .map_err(|error| PublishError::Protocol {
                endpoint: endpoint.to_owned(),
                error,
            })?;
        match received {
            Received::Settled(acknowledgement) => {
                self.progressed();
                if self.held_until.is_none() {
                    self.backoff.reset();
                }
                // A dropped receiver is not interested in outcomes.
                let _ = self.acknowledge.send(acknowledgement).await;
            }
            Received::SendAgain { progressed } => {
                if progressed {
                    self.progressed();
                }
                // The cause affects the whole window: one pause for all of it, not one for each
                // batch.
                if self.held_until.is_none() {
                    self.held_until = Some(Instant::now() + self.backoff.next_delay(None));
                }
            }
        }
        Ok(())
    }

    fn progressed(&mut self) {
        self.progress_at = Instant::now();
        self.trouble
            .send_if_modified(|trouble| trouble.take().is_some());
    }

    /// After a broken connection: gives up, or waits and switches to the next node.
    async fn pause(&mut self, failure: Failure) -> Result<(), PublishError> {
        self.window.connection_lost(!failure.could_not_connect());
        self.held_until = None;
        if self.window.is_empty() {
            // The window was empty: the time since the last acknowledgement was idle time, not a
            // stall.
            self.progress_at = Instant::now();
        }
        if !failure.is_retryable() {
            return Err(PublishError::Refused(failure));
        }
        if failure.points_elsewhere() {
            let node = self.client.endpoints().current();
            if *node.name == *failure.endpoint() {
                self.client.endpoints().leave(node);
            }
        }
        let resume_at = Instant::now() + self.backoff.next_delay(failure.retry_after());
        self.trouble.send_replace(Some(failure));
        sleep_until(resume_at.min(self.give_up_at())).await;
        if Instant::now() >= self.give_up_at() {
            let waited = self.options.give_up_after;
            return Err(PublishError::NoProgress {
                waited,
                last: self.trouble.send_replace(None),
            });
        }
        Ok(())
    }

    fn give_up_at(&self) -> Instant {
        self.progress_at + self.options.give_up_after
    }
}
