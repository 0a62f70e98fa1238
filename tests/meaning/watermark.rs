//! The watermark: hand-computed examples.

use std::borrow::Cow;
use std::collections::BTreeMap;

use homeroom_core::learner::{WindowQuery, WindowState};
use homeroom_core::shard::Outcome;
use homeroom_core::{Event, EventType, Reason, Settings, SourcePolicy, WindowShape};
use homeroom_tests::rig::{CoreRig, Delivery, core_refusal};

/// A click of `ada` in session `s`.
pub fn click(source: &str, id: &str, timestamp_ms: i64) -> Event<'static> {
    let (id, source) = (id.to_owned(), source.to_owned());
    Event {
        session_id: Some(Cow::Borrowed("s")),
        ..Event::bare("ada", id, timestamp_ms, EventType::Click, source)
    }
}

/// Log time and event time at which the examples begin: a whole minute.
const T_MS: i64 = 1_741_168_800_000;

/// A rig whose times are seconds past `T_MS`.
struct Seconds {
    rig: CoreRig,
    sent: u32,
}

impl Seconds {
    fn new(settings: Settings) -> Seconds {
        Seconds {
            rig: CoreRig::new(settings),
            sent: 0,
        }
    }

    fn event(&mut self, log_s: i64, source: &str, event_s: i64) -> Outcome {
        self.sent += 1;
        let event = click(source, &self.sent.to_string(), T_MS + event_s * 1_000);
        self.rig.apply_one(T_MS + log_s * 1_000, event).outcomes[0]
    }

    fn tick_ms(&mut self, log_ms: i64) {
        self.rig.tick(T_MS + log_ms);
    }

    fn watermark_ms(&self) -> Option<i64> {
        self.rig.watermark_ms().map(|at_ms| at_ms - T_MS)
    }

    fn source(&self, name: &str) -> (bool, bool) {
        let sources = self.rig.shard.freshness().sources;
        let source = sources.iter().find(|source| &*source.source == name);
        let source = source.expect("it was heard of");
        (source.idle, source.lagging)
    }
}

#[test]
fn one_source_is_followed_at_its_delay() {
    let mut it = Seconds::new(Settings::default());
    it.tick_ms(0);
    assert_eq!(it.watermark_ms(), None, "nothing was accepted yet");
    it.event(100, "lms", 60);
    assert_eq!(it.watermark_ms(), Some(50_000));
    it.event(101, "lms", 40);
    assert_eq!(
        it.watermark_ms(),
        Some(50_000),
        "an older event moves nothing"
    );
    it.event(102, "lms", 150);
    assert_eq!(
        it.watermark_ms(),
        Some(92_000),
        "its clock is ahead: log time less the delay"
    );
    it.tick_ms(110_000);
    assert_eq!(it.watermark_ms(), Some(100_000));
}

#[test]
fn the_slowest_is_waited_for_until_it_was_silent_for_30_s() {
    let mut it = Seconds::new(Settings::default());
    it.event(0, "slow", -50);
    it.event(10, "fast", 0);
    assert_eq!(it.watermark_ms(), Some(-60_000));
    it.tick_ms(29_999);
    assert_eq!(it.source("slow"), (false, false));
    assert_eq!(it.watermark_ms(), Some(-60_000));
    it.tick_ms(30_000);
    assert_eq!(it.source("slow"), (true, false));
    assert_eq!(it.watermark_ms(), Some(-10_000));
    it.event(31, "slow", -45);
    assert_eq!(it.watermark_ms(), Some(-10_000), "it never goes back");
}

#[test]
fn a_source_is_waited_for_up_to_2_min_behind_the_foremost() {
    for (behind_ms, lagging, expected_ms) in [(120_000, false, -130_000), (120_001, true, -10_000)]
    {
        let mut rig = CoreRig::new(Settings::default());
        rig.apply_one(T_MS, click("behind", "1", T_MS - behind_ms));
        rig.apply_one(T_MS, click("foremost", "2", T_MS));
        let freshness = rig.shard.freshness();
        assert_eq!(freshness.sources[0].lagging, lagging);
        let before_ms = T_MS - behind_ms - 10_000;
        let expected_ms = (T_MS + expected_ms).max(before_ms);
        assert_eq!(freshness.watermark_ms, Some(expected_ms));
    }
}

#[test]
fn with_all_idle_it_runs_on_to_31_min_past_the_newest_and_rests() {
    let mut it = Seconds::new(Settings::default());
    it.event(0, "lms", 0);
    it.tick_ms(30_000);
    assert_eq!(it.watermark_ms(), Some(-10_000), "idle from this moment on");
    it.tick_ms(31_500);
    assert_eq!(it.watermark_ms(), Some(-8_500));
    it.tick_ms(30_000 + 10_000 + 31 * 60_000 - 1);
    assert_eq!(it.watermark_ms(), Some(31 * 60_000 - 1));
    assert!(it.rig.shard.next_due_ms().is_some());
    it.tick_ms(100_000_000);
    assert_eq!(it.watermark_ms(), Some(31 * 60_000));
    assert_eq!(it.rig.shard.next_due_ms(), None, "at rest");
}

#[test]
fn it_does_not_depend_on_how_often_ticks_come() {
    let run = |ticks_ms: &[i64]| {
        let mut it = Seconds::new(Settings::default());
        it.event(0, "slow", -50);
        it.event(10, "fast", 0);
        for &tick_ms in ticks_ms {
            it.tick_ms(tick_ms);
        }
        it.tick_ms(50_000);
        let after_silence_ms = it.watermark_ms();
        it.event(100, "slow", -49);
        (after_silence_ms, it.watermark_ms())
    };
    // The slow source becomes idle at 30 s, the fast one at 40 s. The watermark advances from -10 s
    // by 10 s, then by 50 s more.
    let expected = (Some(0), Some(50_000));
    let every_second: Vec<i64> = (11..50).map(|second| second * 1_000).collect();
    assert_eq!(run(&[]), expected, "one tick, long after");
    assert_eq!(run(&[30_000]), expected);
    assert_eq!(run(&[29_999, 40_001]), expected);
    assert_eq!(run(&every_second), expected);
}

#[test]
fn a_source_that_speaks_at_the_moment_it_falls_idle_was_idle_first() {
    for with_a_tick in [false, true] {
        let mut it = Seconds::new(Settings::default());
        it.event(0, "slow", -50);
        it.event(10, "fast", 0);
        if with_a_tick {
            it.tick_ms(30_000);
        }
        it.event(30, "slow", -49);
        assert_eq!(it.watermark_ms(), Some(-10_000), "tick: {with_a_tick}");
    }
}

#[test]
fn an_ordered_source_has_no_delay_until_it_breaks_its_word() {
    let ordered = SourcePolicy {
        ordered: true,
        ..SourcePolicy::default()
    };
    let mut it = Seconds::new(Settings {
        sources: BTreeMap::from([("lms".to_owned(), ordered)]),
        ..Settings::default()
    });
    it.event(100, "lms", 50);
    it.event(101, "lms", 50);
    assert_eq!(it.watermark_ms(), Some(50_000));
    assert_eq!(it.rig.shard.out_of_order_sources().count(), 0);
    assert_eq!(it.event(102, "lms", 49), Outcome::Accepted, "it counts");
    assert_eq!(
        it.rig.shard.out_of_order_sources().collect::<Vec<_>>(),
        ["lms"]
    );
    it.event(103, "lms", 80);
    assert_eq!(it.watermark_ms(), Some(70_000), "10 s again");
}

#[test]
fn a_source_of_which_nothing_was_accepted_is_not_waited_for() {
    let mut it = Seconds::new(Settings::default());
    let refusal = core_refusal("broken", Reason::Malformed, b"{");
    it.rig.apply(T_MS, &[Delivery::Refused(refusal)]);
    assert_eq!(it.watermark_ms(), None);
    assert_eq!(it.rig.shard.next_due_ms(), None);
    it.event(1, "lms", 0);
    assert_eq!(it.watermark_ms(), Some(-10_000));
}

#[test]
fn due_ticks_lead_to_rest_and_close_everything_on_the_way() {
    let mut it = Seconds::new(Settings::default());
    for (log_s, source, event_s) in [(0, "tool", -70), (7, "lms", 0), (12, "lms", 11)] {
        it.event(log_s, source, event_s);
    }
    let ticks = it.rig.run_to_rest();
    assert!(ticks.len() < 80, "{} ticks", ticks.len());
    assert_eq!(it.watermark_ms(), Some(11_000 + 31 * 60_000));
    let at = it.rig.at();
    let learner = &it.rig.learners["ada"];
    for shape in [WindowShape::MINUTE, WindowShape::SLIDING] {
        let windows = learner.windows(&WindowQuery::all(shape), &at);
        assert!(!windows.is_empty());
        for window in windows {
            assert_eq!((window.state, window.revision), (WindowState::Settled, 1));
        }
    }
    assert!(
        learner
            .sessions(at.watermark_ms)
            .all(|session| session.ended)
    );
    assert_eq!(it.rig.shard.next_due_ms(), None);
}

#[test]
fn lag_is_what_the_delays_do_not_explain() {
    let mut it = Seconds::new(Settings::default());
    assert_eq!(it.rig.shard.watermark_lag_ms(), 0, "nothing was accepted");
    it.event(0, "lms", -100);
    it.event(1, "lms", 0);
    assert_eq!(it.watermark_ms(), Some(-10_000));
    assert_eq!(it.rig.shard.watermark_lag_ms(), 0, "its own delay");
    it.event(2, "tool", -60);
    it.event(3, "lms", 40);
    assert_eq!(
        it.watermark_ms(),
        Some(-10_000),
        "held back, beyond log time"
    );
    assert_eq!(
        it.rig.shard.watermark_lag_ms(),
        3_000,
        "an event of the future is no reason to be ahead of log time"
    );
    it.event(29, "lms", 60);
    let lag_ms = it.rig.shard.watermark_lag_ms();
    assert_eq!(lag_ms, 29_000, "tool still counts");
    it.event(40, "lms", 61);
    assert_eq!(it.rig.shard.watermark_lag_ms(), 0, "tool is silent");
    it.tick_ms(40_000 + 3_600_000);
    assert_eq!(it.rig.shard.watermark_lag_ms(), 0, "no source sends");
}

#[test]
fn a_replay_of_old_events_has_no_lag() {
    let mut it = Seconds::new(Settings::default());
    for second in 0..100 {
        it.event(second / 10, "lms", second * 60 - 86_400);
        assert_eq!(it.rig.shard.watermark_lag_ms(), 0);
    }
}

#[test]
fn a_source_with_a_longer_delay_explains_a_longer_wait() {
    let mut settings = Settings::default();
    let policy = SourcePolicy {
        delay_ms: Some(60_000),
        ..SourcePolicy::default()
    };
    settings.sources.insert("tool".to_owned(), policy);
    let mut it = Seconds::new(settings);
    it.event(100, "lms", 100);
    it.event(100, "tool", 100);
    assert_eq!(it.watermark_ms(), Some(90_000), "it never goes back");
    it.event(120, "lms", 120);
    it.event(120, "tool", 120);
    assert_eq!(it.rig.shard.watermark_lag_ms(), 0);
}
