//! Learners with a long history that are passivated and become active again.

use homeroom_client::{Client, v1};
use homeroom_tests::generator::GeneratorSettings;
use homeroom_tests::oracle::{NaiveModel, SourceCounts};

use crate::harness::events::{MINUTE_MS, accepted, click, client, minutes, profile};
use crate::harness::passivation::passivate_everyone;
use crate::harness::{Home, Input, Seed, check};

/// Few learners, so that each has many blocks of events.
const LEARNERS: u32 = 6;

fn lesson(seed: &Seed) -> GeneratorSettings {
    GeneratorSettings {
        lines: 4_000,
        learners: LEARNERS,
        span_ms: 150 * MINUTE_MS,
        late: 0.0,
        seed: seed.seed,
        ..GeneratorSettings::default()
    }
}

/// All that can be read of one learner.
type Shown = (v1::LearnerProfile, Vec<v1::Window>);

async fn shown(client: &Client, model: &NaiveModel) -> Vec<Shown> {
    let mut shown = Vec::new();
    for learner in model.learners() {
        let profile = profile(client, learner.user_id).await;
        let windows = minutes(client, learner.user_id).await;
        shown.push((profile.expect("a profile"), windows));
    }
    shown
}

/// The part that does not change with time.
fn lasting(shown: &[Shown]) -> Vec<Shown> {
    let lasting = shown.iter().cloned().map(|(mut profile, mut windows)| {
        (profile.session, profile.sliding_window, profile.last_window) = (None, None, None);
        profile.courses.clear();
        for window in &mut windows {
            (window.state, window.revision) = (0, 0);
        }
        (profile, windows)
    });
    lasting.collect()
}

/// Learners are passivated, woken by duplicates, passivated again, and the node is killed. Reads
/// are the same each time, and every event is still known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_history_is_the_same_passivated_or_active() {
    let seed = Seed::of("passivation::a_long_history_is_the_same_passivated_or_active");
    let home = Home::new(&["--shards", "2"])
        .with("memory.passivate_after", "1s")
        .with("checkpoint.interval", "200ms");
    let input = Input::generate(&home, lesson(&seed));
    let (once, twice) = (input.model(1), input.model(2));
    let node = home.start();
    let (cli, client) = (home.cli(), client(&home));
    let first = cli.json(&["ingest", input.name()]);
    let total = once.counts().total();
    check::summary(&first, &SourceCounts::default(), &total);
    check::windows(&cli, &once);
    let active = shown(&client, &once).await;
    let later_ms = once.newest_ms() + 4 * MINUTE_MS;
    passivate_everyone(&home, &client, later_ms).await;
    let passivated = shown(&client, &once).await;
    assert!(lasting(&passivated) == lasting(&active), "passivated");
    let again = cli.json(&["ingest", input.name()]);
    check::summary(&again, &total, &twice.counts().total());
    assert!(shown(&client, &once).await == passivated, "active again");
    passivate_everyone(&home, &client, later_ms + MINUTE_MS).await;
    node.kill();
    let _node = home.start();
    let started = shown(&client, &once).await;
    assert!(lasting(&started) == lasting(&active), "after a kill");
    let ids = once.learners().map(|learner| learner.user_id);
    let next = ids.map(|user_id| click(user_id, "the next day", later_ms));
    accepted(&client, next.collect()).await;
    let events = |shown: Vec<Shown>| shown.into_iter().map(|(profile, _)| profile.events);
    let one_more = events(started).map(|before| before + 1);
    assert!(events(shown(&client, &once).await).eq(one_more));
}
