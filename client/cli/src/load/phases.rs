//! The phases of a load: the tasks of each, and what ends it.

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    LoadError, LoadOptions, Rate,
    feed::Feed,
    generator::{Arrivals, Generator, Population, Run, Source},
    ledger::Ledger,
    probe_sampler::ProbeSampler,
    prober::{UPDATES_AHEAD, probe},
    reader::Reader,
    schedule::{Schedule, turns_of},
    tracked_publisher::TrackedPublisher,
};
use homeroom_client::{Client, PublisherOptions};

/// Events in a batch of arrivals, and batches of them in flight.
const ARRIVAL_BATCH: usize = 500;
const ARRIVAL_WINDOW: usize = 16;
/// Batches of one source in flight at a fixed rate. Beyond it batches wait, and are late.
const SCHEDULED_WINDOW: usize = 512;
/// Makes the queries' random numbers independent of the events'.
const READS_SALT: u64 = 0x5ead;

/// A phase: its options, and the ledger of its figures.
pub(super) struct Phase<'a> {
    pub(super) options: &'a LoadOptions,
    pub(super) population: Population,
    pub(super) run: Run,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stop: CancellationToken,
}

/// The connections of the measured phase: one for each source, one for probes, one for queries, as
/// separate programs would have.
pub(super) struct Connections {
    sources: [Client; 3],
    probes: Client,
    reads: Client,
}

impl Connections {
    /// Connects before the phase, so that no figure includes it.
    pub(super) async fn open(options: &LoadOptions) -> Result<Self, LoadError> {
        let connect = async || {
            let client = Client::connect_with(options.endpoints.clone(), options.client)?;
            client.describe_cluster().await?;
            Ok::<_, LoadError>(client)
        };
        Ok(Self {
            sources: [connect().await?, connect().await?, connect().await?],
            probes: connect().await?,
            reads: connect().await?,
        })
    }
}

impl Phase<'_> {
    /// All learners arrive, as fast as possible.
    pub(super) async fn arrive(&self, client: &Client) -> io::Result<()> {
        let mut tasks = JoinSet::new();
        let options = self.publisher_options(ARRIVAL_WINDOW);
        let mut publisher = TrackedPublisher::open(client, options, &self.ledger, None, &mut tasks);
        let mut arrivals = Arrivals::new(self.run, self.population, self.options.seen);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = publisher.room() => {}
            }
            let passed = self.ledger.started().elapsed();
            let at_ms = self.run.start_ms + passed.as_millis() as i64;
            let events = arrivals.batch(ARRIVAL_BATCH, at_ms);
            let due = self.ledger.started() + passed;
            if events.is_empty() || !publisher.send(events, due, None).await {
                break;
            }
        }
        if let Err(error) = publisher.finish().await {
            self.ledger.error(error);
            self.stop.cancel();
        }
        self.join(tasks).await
    }

    /// Runs sources, probes and queries for the given time: sources by the schedule, or as their
    /// windows allow. Returns how long the phase lasted.
    pub(super) async fn measure(&self, connections: &Connections) -> io::Result<Duration> {
        let mut tasks = JoinSet::new();
        let stop = self.stop.child_token();
        let probes = NonZeroU32::new(self.options.probes_per_second).map(|per_second| {
            let (tell, updates) = mpsc::channel(UPDATES_AHEAD);
            let (client, ledger) = (connections.probes.clone(), Arc::clone(&self.ledger));
            tasks.spawn(async move { probe(client, updates, &ledger).await });
            let probes = ProbeSampler::new(per_second, self.options.seed, tell.clone());
            (Arc::new(probes), tell)
        });
        for (source, client) in Source::ALL.into_iter().zip(&connections.sources) {
            let own = probes.as_ref().filter(|_| source.has_interactions());
            let window = self.window(source);
            let options = self.publisher_options(window);
            let tell = own.map(|(_, tell)| tell.clone());
            let publisher = TrackedPublisher::open(client, options, &self.ledger, tell, &mut tasks);
            let feed = Feed {
                probes: own.map(|(probes, _)| Arc::clone(probes)),
                ..self.feed(source, publisher)
            };
            tasks.spawn(feed.run(stop.clone()));
        }
        drop(probes);
        if let Some(per_second) = NonZeroU32::new(self.options.reads_per_second) {
            let reader = Reader {
                client: connections.reads.clone(),
                population: self.population,
                per_second,
                seed: self.options.seed,
                rng: Rng::with_seed(self.options.seed ^ READS_SALT),
            };
            let (ledger, stop) = (Arc::clone(&self.ledger), stop.clone());
            tasks.spawn(async move { reader.run(&ledger, &stop).await });
        }
        let lasted = self.wait(&stop, self.options.measured_for).await;
        self.join(tasks).await?;
        Ok(lasted)
    }

    /// Runs the sources alone for the given time, against a sink that is no node.
    pub(super) async fn saturate(&self, client: &Client, time: Duration) -> io::Result<Duration> {
        let mut tasks = JoinSet::new();
        let stop = self.stop.child_token();
        for source in Source::ALL {
            let options = self.publisher_options(self.window(source));
            let publisher = TrackedPublisher::open(client, options, &self.ledger, None, &mut tasks);
            tasks.spawn(self.feed(source, publisher).run(stop.clone()));
        }
        let lasted = self.wait(&stop, time).await;
        self.join(tasks).await?;
        Ok(lasted)
    }

    fn feed(&self, source: Source, publisher: TrackedPublisher) -> Feed {
        let schedule = match self.options.rate {
            Rate::Max => None,
            Rate::PerSecond(rate) => Some(Schedule::new(source, self.options.batch, rate)),
        };
        Feed {
            generator: Generator::new(self.run, source, self.population),
            publisher,
            ledger: Arc::clone(&self.ledger),
            schedule,
            batch: self.options.batch,
            until: self.options.measured_for,
            start_ms: self.run.start_ms,
            probes: None,
        }
    }

    /// Ends the phase when its time is up, or when it is stopped.
    async fn wait(&self, stop: &CancellationToken, time: Duration) -> Duration {
        let end = self.ledger.started() + time;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep_until(end.into()) => stop.cancel(),
        }
        self.ledger.started().elapsed().min(time)
    }

    async fn join(&self, mut tasks: JoinSet<io::Result<()>>) -> io::Result<()> {
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(io::Error::other)??;
        }
        Ok(())
    }

    /// The window in batches: at the greatest rate, the source's share of the whole window.
    fn window(&self, source: Source) -> usize {
        match self.options.rate {
            Rate::PerSecond(_) => SCHEDULED_WINDOW,
            Rate::Max => {
                let share =
                    u64::from(self.options.window_events) * u64::from(turns_of(source)) / 10;
                let batches = share / u64::from(self.options.batch.max(1));
                usize::try_from(batches).unwrap_or(usize::MAX).max(1)
            }
        }
    }

    fn publisher_options(&self, window: usize) -> PublisherOptions {
        PublisherOptions {
            batches_in_flight_max: window,
            give_up_after: self.options.give_up_after,
            ..PublisherOptions::default()
        }
    }
}
