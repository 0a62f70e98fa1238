//! Runs a demo from start to end.

use std::{
    collections::VecDeque,
    io::Write,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use homeroom_client::Client;
use homeroom_proto::v1::GetCourseResponse;
use jiff::tz::TimeZone;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    course,
    error::DemoError,
    host::Host,
    publish::{Ledger, Lesson, now_ms},
    screen::{Picture, Screen, Summary},
};

/// Between two updates of the screen.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// The length of the chart of rates, s.
const PULSE_SECONDS: usize = 120;

/// The options of a demo.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// Learners in the class, 1 to 10,000.
    pub learners: usize,
    /// The seed of the class.
    pub seed: u64,
    /// How long the lesson is live; until `shutdown` when none.
    pub live_for: Option<Duration>,
    /// Print one JSON document to standard output at the end, instead of a picture.
    pub json: bool,
}

/// A running demo: node, lesson and screen.
struct Watched<'d> {
    demo: &'d Demo,
    host: &'d mut Host,
    lesson: Lesson,
    ledger: Arc<Ledger>,
    screen: &'d mut Screen,
    client: Client,
    rates: VecDeque<u64>,
    received: u64,
    was_live: bool,
}

/// Runs a demo until its time is up or `shutdown` completes. The node is stopped and its folder
/// removed in any case.
///
/// # Errors
/// See [`DemoError`]; above all when the acknowledgements differ from the node's counters.
pub async fn run(demo: Demo, shutdown: impl Future<Output = ()>) -> Result<(), DemoError> {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut screen = Screen::new(demo.json);
    let mut host = Host::start().await?;
    let held = hold(&demo, &mut host, &mut screen, shutdown.as_mut()).await;
    let stopped = host.stop().await;
    let summary = held?;
    stopped?;
    if demo.json {
        return print(&summary);
    }
    screen.end(&summary.lines()).map_err(DemoError::Output)
}

async fn hold(
    demo: &Demo,
    host: &mut Host,
    screen: &mut Screen,
    shutdown: Pin<&mut impl Future<Output = ()>>,
) -> Result<Summary, DemoError> {
    let ledger = Ledger::new().map_err(|error| DemoError::Task(error.to_string()))?;
    let ledger = Arc::new(ledger);
    let begun = Instant::now();
    let class = (demo.seed, demo.learners);
    let lesson = Lesson::start(class, &ledger, || host.connect())?;
    let client = host.connect()?;
    let watched = Watched {
        demo,
        host,
        lesson,
        ledger: Arc::clone(&ledger),
        screen,
        client: client.clone(),
        rates: VecDeque::with_capacity(PULSE_SECONDS),
        received: 0,
        was_live: false,
    };
    watched.until_it_ends(shutdown).await?;
    let seconds = begun.elapsed().as_secs_f64();
    Summary::of(
        ledger.snapshot(),
        (demo.learners, demo.seed),
        seconds,
        &client,
    )
    .await
}

impl Watched<'_> {
    async fn until_it_ends(
        mut self,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), DemoError> {
        let live_for = self.demo.live_for;
        let mut time_is_up = std::pin::pin!(self.lesson.live_for(live_for.unwrap_or_default()));
        let mut seconds = interval(SHOW_EVERY);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.as_mut() => break,
                () = time_is_up.as_mut(), if live_for.is_some() => break,
                error = self.lesson.failed() => return Err(error),
                error = self.host.ended() => return Err(error),
                _ = seconds.tick() => self.show().await?,
            }
        }
        self.lesson.finish().await
    }

    async fn show(&mut self) -> Result<(), DemoError> {
        let course = course::look(&self.client).await;
        let picture = self.picture(course);
        self.screen.show(&picture).map_err(DemoError::Output)
    }

    fn picture(&mut self, course: Option<GetCourseResponse>) -> Picture {
        let snapshot = self.ledger.snapshot();
        let received = snapshot.tally.received();
        let is_live = self.lesson.is_live();
        let rate = received - std::mem::replace(&mut self.received, received);
        // The second in which the past ended has no live rate.
        if std::mem::replace(&mut self.was_live, is_live) {
            if self.rates.len() == PULSE_SECONDS {
                self.rates.pop_front();
            }
            self.rates.push_back(rate);
        }
        Picture {
            lesson_ms: now_ms() - self.lesson.start_ms,
            is_live,
            learners: self.demo.learners,
            snapshot,
            rates: self.rates.iter().copied().collect(),
            course,
            grpc: self.host.grpc,
            http: self.host.http,
            zone: TimeZone::system(),
        }
    }
}

fn print(summary: &Summary) -> Result<(), DemoError> {
    let output = |error| DemoError::Output(error);
    let text = serde_json::to_string_pretty(summary).map_err(|error| output(error.into()))?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").map_err(output)?;
    stdout.flush().map_err(output)
}
