//! Room: what a learner counts, what has room, and what is refused as `learner_full`.

use fastrand::Rng;
use homeroom_core::learner::{Learner, Verdict, standing_bytes_max};
use homeroom_core::shard::{EntryContext, Outcome, ShardState};
use homeroom_core::{Event, EventType, Reason, Settings};
use homeroom_tests::oracle::{self, NaiveEntry, NaiveEvent, NaiveModel};

use crate::hostile::{Hostile, START_MS};
use crate::outcomes::{assert_counts_equal, assert_outcome};
use crate::plan::Plan;
use crate::seeds::each_seed;
use crate::watermark::click;
use homeroom_tests::rig::{Applied, CoreRig, Delivery, core_event};

/// The lower bound of the setting.
const BYTES_MAX: u64 = 64 << 10;
const HOUR_MS: i64 = 3_600_000;
/// The events of a life: several times as many as have room where they are large.
const EVENTS: usize = 300;
/// As a node has it.
const BLOCK_EVENTS: usize = 64;

/// The core and the model with the same bound, and the model's view of each entry.
struct Both {
    settings: Settings,
    model: NaiveModel,
    entries: u64,
    full: usize,
}

impl Both {
    fn new(bytes_max: u64, retention_ms: i64) -> Self {
        let naive = oracle::Settings {
            learner_bytes_max: bytes_max,
            ..oracle::Settings::default()
        };
        Self {
            settings: Settings {
                learner_bytes_max: bytes_max,
                retention_ms,
                ..Settings::default()
            },
            model: NaiveModel::new(naive),
            entries: 0,
            full: 0,
        }
    }

    /// The model's outcomes of an entry's events are those of the core, and so are the bytes kept.
    fn compare(&mut self, rig: &CoreRig, applied: &Applied, events: &mut &[NaiveEvent]) {
        self.entries += 1;
        let watermark_ms = applied.context.watermark_ms;
        self.model.begin_entry(NaiveEntry {
            number: self.entries,
            watermark_ms: (watermark_ms > i64::MIN).then_some(watermark_ms),
            floor_ms: (watermark_ms > i64::MIN).then_some(applied.context.floor_ms),
        });
        let (these, rest) = events.split_at(applied.outcomes.len());
        *events = rest;
        for (event, got) in these.iter().zip(&applied.outcomes) {
            let expected = self.model.deliver_event(event.clone());
            assert_outcome(*got, expected);
            self.full += usize::from(*got == Outcome::DeadLettered(Reason::LearnerFull));
        }
        for event in these {
            let learner = rig.learners.get(&event.user_id);
            if let Some(learner) = learner.filter(|it| it.is_known()) {
                self.compare_kept(learner);
            }
        }
    }

    fn compare_kept(&self, learner: &Learner) {
        let (kept, estimate) = (learner.kept_bytes() as u64, learner.kept_estimate());
        let expected = self.model.kept(learner.user_id()).unwrap_or_default();
        assert_eq!(kept, expected.0, "kept bytes");
        if estimate == u64::MAX {
            // The floor has come to another hour, and no event was looked at since.
            return;
        }
        assert_eq!(estimate, expected.1, "the estimate of the bytes kept");
        assert!(kept <= estimate, "{kept} bytes are estimated as {estimate}");
        for (course_id, standing) in learner.standings_since(i64::MIN) {
            let bytes = standing.encode().len();
            let most = standing_bytes_max(learner.kept_bytes());
            assert!(bytes <= most, "{bytes} bytes in {course_id}, not {most}");
        }
        let bound = self.settings.learner_bytes_max;
        assert!(estimate <= bound, "{estimate} bytes are more than {bound}");
    }
}

/// A life in random batches, whatever is evicted, passivated and restored in between. Returns the
/// number of events without room.
fn live(rng: &mut Rng, mut hostile: Hostile, retention_ms: i64) -> usize {
    let events = hostile.events(rng, EVENTS);
    let deliveries: Vec<Delivery> = events
        .iter()
        .map(|event| Delivery::Event(core_event(event)))
        .collect();
    let mut both = Both::new(BYTES_MAX, retention_ms);
    let mut rig = CoreRig::new(both.settings.clone());
    let mut left = &events[..];
    let plan = Plan::any(rng, hostile.now_ms());
    plan.apply(rng, &mut rig, &deliveries, |rig, applied| {
        both.compare(rig, applied, &mut left);
    });
    assert_counts_equal(&rig, &both.model);
    both.full
}

#[test]
fn hostile_lives_have_the_room_that_the_model_gives() {
    each_seed(
        "room::hostile_lives_have_the_room_that_the_model_gives",
        30,
        |rng| {
            let hostile = Hostile::any(rng);
            live(rng, hostile, 24 * HOUR_MS);
        },
    );
}

#[test]
fn what_is_forgotten_makes_room() {
    each_seed("room::what_is_forgotten_makes_room", 15, |rng| {
        let hostile = Hostile::fleeting(rng);
        live(rng, hostile, HOUR_MS);
    });
}

#[test]
fn each_kind_of_name_fills_a_learner_of_its_own() {
    let mut lives = 0;
    for hostile in Hostile::each_with_many_names() {
        let mut rng = Rng::with_seed(7);
        let full = live(&mut rng, hostile.clone(), 24 * HOUR_MS);
        assert!(full > 0, "everything has room: {hostile:?}");
        lives += 1;
    }
    assert_eq!(lives, 5);
}

/// One learner and its model, without a shard: for very many events.
struct Alone {
    learner: Learner,
    context: EntryContext,
    model: NaiveModel,
}

impl Alone {
    fn new() -> Self {
        let bytes_max = 16 << 20;
        let naive = oracle::Settings {
            learner_bytes_max: bytes_max,
            ..oracle::Settings::default()
        };
        let settings = Settings {
            learner_bytes_max: bytes_max,
            ..Settings::default()
        };
        Self {
            learner: Learner::new("ada"),
            context: EntryContext {
                block_events: BLOCK_EVENTS,
                ..ShardState::new(settings).begin(1, START_MS, &[])
            },
            model: NaiveModel::new(naive),
        }
    }

    /// Whether an event is accepted, by both.
    fn take(&mut self, naive: NaiveEvent) -> bool {
        let event = core_event(&naive);
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        let applied = self.learner.apply(&self.context, &event, &encoded);
        let accepted = match applied.expect("all blocks are in memory").verdict {
            Verdict::Accepted { .. } => true,
            Verdict::Refused(Reason::LearnerFull) => false,
            other => panic!("{other:?}"),
        };
        let expected = match self.model.deliver_event(naive) {
            oracle::Outcome::Accepted => true,
            oracle::Outcome::DeadLetter(oracle::Reason::LearnerFull) => false,
            other => panic!("{other:?}"),
        };
        assert_eq!(accepted, expected, "after {} events", self.learner.events());
        accepted
    }
}

/// An event with a number, of one session, some time after the start.
fn numbered(number: i64, event_type: &str, at_ms: i64) -> NaiveEvent {
    let mut event = Hostile::plain_event(START_MS + at_ms);
    event.event_id = format!("{number:07}");
    event.event_type = event_type.to_owned();
    event
}

/// A scored event with texts of 1 KiB.
fn heavy(number: i64, at_ms: i64) -> NaiveEvent {
    let text = |name: &str| format!("{name}{number:x<width$}", width = 1_024 - name.len());
    NaiveEvent {
        event_id: text(""),
        object_id: Some(text("o")),
        skill_id: Some("k".repeat(1_024)),
        success: Some(true),
        ..numbered(number, "question_answered", at_ms)
    }
}

#[test]
fn panes_hours_and_all_events_are_bounded() {
    let mut alone = Alone::new();
    let mut number = 0;
    let mut fill = |alone: &mut Alone, at_ms: i64| {
        let before = number;
        loop {
            number += 1;
            if !alone.take(heavy(number, at_ms)) {
                return number - before - 1;
            }
        }
    };
    let pane = fill(&mut alone, 0);
    assert_eq!(pane, (1_048_576 - 128) / (16 + 256 + 3 * 1_024));
    assert!(alone.take(numbered(-1, "click", 5_000)), "the next pane");
    for hour in 0..8 {
        let panes = (0..720).map(|pane| hour * HOUR_MS + pane * 5_000);
        let events: Vec<i64> = panes.map(|at_ms| fill(&mut alone, at_ms)).collect();
        let filled = events.iter().filter(|events| **events > pane - 2).count();
        assert!(
            (7..=8).contains(&filled),
            "{filled} panes are full in an hour"
        );
    }
    let rest = fill(&mut alone, 9 * HOUR_MS);
    assert!(rest < 10, "{rest} have room beside eight full hours");
    let small = (1_000_000..).take_while(|number| {
        let event = numbered(*number, "click", 9 * HOUR_MS);
        alone.take(event)
    });
    assert!(small.count() < 3_500 / 16, "nothing has room any more");
}

#[test]
fn a_length_changes_no_more_than_4096_events() {
    let mut alone = Alone::new();
    let event = |number: i64, event_type: &str, length_ms: Option<i64>| NaiveEvent {
        object_id: Some("video".to_owned()),
        watched_ms: length_ms.is_none().then_some(1_000),
        length_ms,
        ..numbered(number, event_type, number * 1_000)
    };
    assert!(alone.take(event(0, "page_view", Some(60_000))));
    for number in 1..4_096 {
        let event_type = if number % 64 == 0 {
            "video_paused"
        } else {
            "page_view"
        };
        assert!(alone.take(event(number, event_type, None)));
    }
    assert!(
        alone.take(event(5_000, "page_view", Some(60_001))),
        "of 4,096 events"
    );
    assert!(
        !alone.take(event(5_001, "page_view", Some(60_002))),
        "of more"
    );
    assert!(
        alone.take(event(5_002, "page_view", Some(60_001))),
        "no longer than known"
    );
    let other = NaiveEvent {
        object_id: Some("another video".to_owned()),
        ..event(5_003, "page_view", Some(90_000))
    };
    assert!(alone.take(other));
}

/// The floor passes the beginning of a video whose stop is away, but whose start is in memory, as
/// it may count as rewatching.
#[test]
fn what_counts_does_not_depend_on_a_start_before_the_floor() {
    let minute_ms = 60_000;
    let settings = Settings {
        retention_ms: HOUR_MS,
        ..Settings::default()
    };
    let mut whole = CoreRig::new(settings.clone());
    let mut sparse = CoreRig::new(settings);
    let of_another = Event {
        user_id: "bo".into(),
        ..click("lms", "later", START_MS + 70 * minute_ms)
    };
    let video = |id: &str, event_type, at_ms| Event {
        object_id: Some("video".into()),
        event_type,
        ..click("lms", id, START_MS + at_ms)
    };
    let lesson = [
        video("start", EventType::VideoPlayed, -4 * minute_ms),
        video("stop", EventType::VideoPaused, -3 * minute_ms),
        video("again", EventType::VideoPlayed, minute_ms),
        click("lms", "1", START_MS + minute_ms),
        click("lms", "2", START_MS + minute_ms),
        click("lms", "3", START_MS + 5 * minute_ms),
        click("lms", "4", START_MS + 5 * minute_ms + 40_000),
        of_another,
        click("lms", "back again", START_MS + 65 * minute_ms),
    ];
    for event in lesson {
        let now_ms = whole.shard.log_time_ms().max(event.timestamp_ms);
        let outcomes = whole.apply_one(now_ms, event.clone()).outcomes;
        assert_eq!(outcomes, [Outcome::Accepted]);
        assert_eq!(sparse.apply_one(now_ms, event).outcomes, outcomes);
        let kept = |rig: &CoreRig| rig.learners["ada"].kept_bytes();
        let estimate = |rig: &CoreRig| rig.learners["ada"].kept_estimate();
        assert_eq!(kept(&sparse), kept(&whole));
        assert_eq!(estimate(&sparse), estimate(&whole));
        sparse.checkpoint();
        sparse.checkpoint();
    }
}
