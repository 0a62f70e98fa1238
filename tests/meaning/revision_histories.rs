//! Random histories of windows: states and revisions equal the naive count, and emissions have no
//! gap.

use std::collections::BTreeMap;

use homeroom_core::learner::{Learner, WindowQuery, WindowState};
use homeroom_core::shard::Outcome;
use homeroom_core::{Settings, WindowShape};
use homeroom_tests::oracle::NaiveEvent;

use crate::naive_revisions::{Key, NaiveRevisions};
use crate::seeds::each_seed;
use homeroom_tests::rig::{Applied, CoreRig, Delivery, SHAPES, Unruly, core_event};

/// A rig, the naive count, and all emissions so far.
struct History {
    rig: CoreRig,
    naive: NaiveRevisions,
    emitted: BTreeMap<Key, u32>,
}

impl History {
    fn new(allowed_lateness_ms: i64) -> History {
        let settings = Settings {
            allowed_lateness_ms,
            windows: SHAPES.to_vec(),
            ..Settings::default()
        };
        History {
            rig: CoreRig::new(settings),
            naive: NaiveRevisions::default(),
            emitted: BTreeMap::new(),
        }
    }

    fn batch(&mut self, log_time_ms: i64, events: &[NaiveEvent]) {
        let deliveries: Vec<Delivery> = events
            .iter()
            .map(|event| Delivery::Event(core_event(event)))
            .collect();
        let applied = self.rig.apply(log_time_ms, &deliveries);
        let accepted: Vec<NaiveEvent> = events
            .iter()
            .zip(&applied.outcomes)
            .filter(|(_, outcome)| **outcome == Outcome::Accepted)
            .map(|(event, _)| event.clone())
            .collect();
        self.follow(&accepted, &applied, self.rig.at().watermark_ms);
    }

    fn follow(&mut self, accepted: &[NaiveEvent], applied: &Applied, after_ms: i64) {
        let context = &applied.context;
        self.naive.entry(
            &SHAPES,
            accepted,
            (context.watermark_ms, after_ms),
            context.settings.allowed_lateness_ms,
        );
        for (user_id, emission) in &applied.emissions {
            let key = (user_id.clone(), emission.shape, emission.start_ms);
            let last = self.emitted.insert(key.clone(), emission.revision);
            assert_eq!(
                emission.revision,
                last.unwrap_or_default() + 1,
                "emissions of {key:?} go up by one from 1"
            );
        }
    }

    /// Reads equal the naive count and the last emission.
    fn check(&self) {
        let at = self.rig.at();
        let mut read = BTreeMap::new();
        for learner in self.rig.learners.values() {
            for shape in SHAPES {
                read.extend(windows_of(learner, shape, &self.rig));
            }
        }
        for (key, revision, state) in self.naive.windows(at.watermark_ms, at.allowed_lateness_ms) {
            assert_eq!(read.remove(key), Some((revision, state)), "{key:?}");
            let emitted = self.emitted.get(key).copied().unwrap_or_default();
            assert_eq!(emitted, revision, "what was emitted last of {key:?}");
        }
        assert!(read.is_empty(), "unexpected windows: {read:?}");
    }
}

fn windows_of(
    learner: &Learner,
    shape: WindowShape,
    rig: &CoreRig,
) -> Vec<(Key, (u32, WindowState))> {
    let whole = rig.whole(learner.user_id());
    let windows = whole.windows(&WindowQuery::all(shape), &rig.at());
    let key = |start_ms| (learner.user_id().to_owned(), shape, start_ms);
    windows
        .into_iter()
        .map(|window| (key(window.start_ms), (window.revision, window.state)))
        .collect()
}

#[test]
fn states_revisions_and_emissions_follow_the_entries() {
    each_seed(
        "revision_histories::states_revisions_and_emissions_follow_the_entries",
        60,
        |rng| {
            let lateness_ms = [0, 30_000, 47_001][rng.usize(..3)];
            let mut history = History::new(lateness_ms);
            let span_ms = [40_000, 120_000, 3_600_000][rng.usize(..3)];
            let mut unruly = Unruly::new(rng, span_ms).with_ids(60);
            let mut log_time_ms = unruly.end_ms() + [-40_000, 1_000_000][rng.usize(..2)];
            for _ in 0..rng.usize(1..25) {
                log_time_ms += [0, 1, 4_000, 31_000][rng.usize(..4)];
                let count = rng.usize(..4);
                let events = unruly.events(rng, count);
                history.batch(log_time_ms, &events);
                if rng.f64() < 0.15 {
                    history.rig.restart();
                }
            }
            history.check();
            for (applied, after_ms) in history.rig.run_to_rest() {
                history.follow(&[], &applied, after_ms);
            }
            history.check();
        },
    );
}
