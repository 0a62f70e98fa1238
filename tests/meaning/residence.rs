//! Evicted state: applying and reading give the same results with and without it in memory.

use fastrand::Rng;
use homeroom_core::learner::{ALWAYS, Learner, WindowQuery};
use homeroom_core::shard::{Outcome, ReadPoint};
use homeroom_core::{Event, EventType, Settings, WindowShape};
use homeroom_tests::oracle::NaiveEvent;

use crate::seeds::each_seed;
use crate::watermark::click;
use homeroom_tests::rig::{COURSES, CoreRig, Delivery, Emitted, SHAPES, USERS, Unruly, core_event};

const START_MS: i64 = 1_741_168_800_000;
const HOUR_MS: i64 = 3_600_000;

/// A long lesson of a few learners. Most events are in order, some late or very late, some
/// repeated. With few names, attempts, videos and skills recur long after; with many videos, most
/// end before they recur.
pub fn lesson(rng: &mut Rng) -> Vec<(i64, NaiveEvent)> {
    let mut unruly = Unruly::new(rng, 60_000);
    let videos = [2, 12][rng.usize(..2)];
    let mut now_ms = START_MS;
    let mut deliveries: Vec<(i64, NaiveEvent)> = Vec::new();
    for _ in 0..400 {
        now_ms += rng.i64(0..40_000);
        let late_ms = match rng.u32(..20) {
            0 => rng.i64(0..2 * HOUR_MS),
            1 => rng.i64(0..90_000),
            _ => rng.i64(0..3_000),
        };
        // Now and then at the time of an earlier event: then ids decide.
        let earlier = rng.choice(&deliveries).filter(|_| rng.u32(..12) == 0);
        let drawn = NaiveEvent {
            timestamp_ms: earlier.map_or(now_ms - late_ms, |(_, event)| event.timestamp_ms),
            ..unruly.event(rng)
        };
        let event = match rng.u32(..3) {
            0 => scored(rng, drawn),
            _ => NaiveEvent {
                object_id: (rng.u32(..5) > 0).then(|| format!("video {}", rng.u32(..videos))),
                ..drawn
            },
        };
        deliveries.push((now_ms, event));
        if rng.u32(..12) == 0 {
            let (_, again) = deliveries[rng.usize(..deliveries.len())].clone();
            deliveries.push((now_ms, again));
        }
    }
    deliveries
}

/// An event of one of many attempts, so that most scores change when the attempt is no longer
/// shown. Now and then with another skill or course.
fn scored(rng: &mut Rng, event: NaiveEvent) -> NaiveEvent {
    let number = rng.usize(..60);
    let one_of = |names: &[&str], number: usize| Some(names[number % names.len()].to_owned());
    let moved = usize::from(rng.u32(..6) == 0);
    NaiveEvent {
        event_type: ["quiz_submitted", "score_updated"][rng.usize(..2)].to_owned(),
        attempt_id: Some(format!("attempt {number}")),
        course_id: one_of(&COURSES, number + moved),
        skill_id: one_of(&["fractions", "roots"], number / 2 + moved),
        score: Some(f64::from(rng.u32(..=10))),
        max_score: Some(10.0),
        success: None,
        ..event
    }
}

#[test]
fn a_learner_with_an_evicted_past_equals_one_in_memory() {
    each_seed(
        "residence::a_learner_with_an_evicted_past_equals_one_in_memory",
        5,
        |rng| {
            let settings = Settings {
                retention_ms: [HOUR_MS, 24 * HOUR_MS][rng.usize(..2)],
                ..Settings::default()
            };
            let mut whole = CoreRig::new(settings.clone());
            let mut sparse = CoreRig::new(settings);
            let (mut evicted, mut fetched) = (0, 0);
            for (now_ms, event) in lesson(rng) {
                let delivery = [Delivery::Event(core_event(&event))];
                let expected = whole.apply(now_ms, &delivery);
                let before = evicted_blocks(&sparse, &event.user_id);
                let got = sparse.apply(now_ms, &delivery);
                assert_eq!(got.outcomes, expected.outcomes, "{event:?}");
                assert_eq!(got.emissions, expected.emissions, "{event:?}");
                fetched += before.saturating_sub(evicted_blocks(&sparse, &event.user_id));
                assert_shown_alike(&sparse, &whole);
                let query = some_windows(rng, now_ms);
                let asked = sparse.ready_for(&event.user_id, &query);
                let expected = whole.learners[&event.user_id].windows(&query, &whole.at());
                assert_eq!(asked.windows(&query, &whole.at()), expected, "{query:?}");
                match rng.usize(..30) {
                    0 => sparse.restart(),
                    1 => sparse.passivate(&event.user_id),
                    2 => sparse.passivate_long(USERS[rng.usize(..USERS.len())]),
                    3..20 => sparse.checkpoint(),
                    _ => {}
                }
                evicted += evicted_blocks(&sparse, &event.user_id);
            }
            assert!(evicted > 100, "hardly anything left the memory: {evicted}");
            assert!(fetched > 5, "hardly anything was needed again: {fetched}");
            for (user_id, learner) in known(&whole) {
                assert_windows_alike(&sparse.whole(user_id), learner, &whole.at());
            }
        },
    );
}

/// A lesson for two shards: one with all state in memory, one whose learners evict their past.
struct Taught {
    whole: CoreRig,
    sparse: CoreRig,
    /// Emissions of the last event.
    emissions: Vec<(String, Emitted)>,
}

impl Taught {
    /// Each event has the same result in both shards. The second makes this number of checkpoints
    /// before it; after two, the past is evicted.
    fn of(
        lesson: impl IntoIterator<Item = Event<'static>>,
        checkpoints: impl Fn(&Event<'_>) -> usize,
    ) -> Self {
        let mut taught = Self {
            whole: CoreRig::new(Settings::default()),
            sparse: CoreRig::new(Settings::default()),
            emissions: Vec::new(),
        };
        for event in lesson {
            let now_ms = taught.whole.shard.log_time_ms().max(event.timestamp_ms);
            for _ in 0..checkpoints(&event) {
                taught.sparse.checkpoint();
            }
            let got = taught.sparse.apply_one(now_ms, event.clone());
            let expected = taught.whole.apply_one(now_ms, event);
            assert_eq!(got.emissions, expected.emissions);
            taught.emissions = got.emissions;
        }
        taught
    }
}

/// A length that arrives long after cuts the stop's credit, so its minute is emitted again. The
/// minute also counts panes of a block without the video.
#[test]
fn a_window_far_back_is_corrected_by_what_is_stored_around_it() {
    let video = |id: &str, event_type, at_ms, length_ms| Event {
        object_id: Some("video".into()),
        event_type,
        length_ms,
        ..click("lms", id, START_MS + at_ms)
    };
    let other = |at_ms| Event {
        user_id: "bo".into(),
        ..click("lms", &format!("b{at_ms}"), START_MS + at_ms)
    };
    let click = |id: &str, at_ms| click("lms", id, START_MS + at_ms);
    let minute_ms = 60_000;
    let played = video("start", EventType::VideoPlayed, 0, None);
    let stopped = video("stop", EventType::VideoPaused, 322_000, None);
    let resized = video(
        "resized",
        EventType::VideoSeeked,
        30 * minute_ms,
        Some(100_000),
    );
    let lesson = [
        played,
        click("1", 1_000),
        click("2", 2_000),
        click("3", 300_000),
        click("4", 305_000),
        click("5", 315_000),
        other(7 * minute_ms),
        stopped,
        click("6", 325_000),
        click("7", 326_000),
        click("8", 20 * minute_ms),
        click("9", 20 * minute_ms + 1),
        click("10", 20 * minute_ms + 2),
        click("11", 25 * minute_ms),
        resized,
    ];
    let Taught { emissions, .. } = Taught::of(lesson, |_| 1);
    let is_far_back =
        |(_, emission): &(String, Emitted)| emission.start_ms < START_MS + 6 * minute_ms;
    assert!(emissions.iter().any(is_far_back), "{emissions:?}");
}

/// An event of one video, some time after the start.
fn video(id: &str, event_type: EventType, at_ms: i64) -> Event<'static> {
    Event {
        object_id: Some("video".into()),
        event_type,
        ..click("lms", id, START_MS + at_ms)
    }
}

/// Three clicks from a time after the start.
fn clicks(from_ms: i64) -> impl Iterator<Item = Event<'static>> {
    let times_ms = from_ms..from_ms + 3;
    times_ms.map(|at_ms| click("lms", &at_ms.to_string(), START_MS + at_ms))
}

/// A start arrives late, then its stop, each into its own block, between stops whose blocks are
/// evicted. The stop after them was measured by its source: its credit stays, but it is stored with
/// the start that it would be counted from.
#[test]
fn a_late_stop_is_counted_from_a_late_start_that_is_away() {
    let mut lesson = vec![video("stop", EventType::VideoPaused, 0)];
    lesson.extend([1_000, 60_000, 120_000].into_iter().flat_map(clicks));
    lesson.push(Event {
        watched_ms: Some(5_000),
        ..video("measured", EventType::VideoPaused, 300_000)
    });
    lesson.extend([301_000, 600_000, 900_000].into_iter().flat_map(clicks));
    lesson.push(video("late start", EventType::VideoPlayed, 61_500));
    lesson.push(video("late stop", EventType::VideoPaused, 121_000));
    let Taught {
        whole, mut sparse, ..
    } = Taught::of(lesson, |_| 2);
    sparse.checkpoint();
    sparse.checkpoint();
    for (minute_ms, expected) in [(0, 0), (60_000, 0), (120_000, 59_500), (300_000, 5_000)] {
        let query = WindowQuery {
            from_ms: Some(START_MS + minute_ms),
            to_ms: Some(START_MS + minute_ms + 60_000),
            ..WindowQuery::all(WindowShape::MINUTE)
        };
        let windows = sparse
            .ready_for("ada", &query)
            .windows(&query, &sparse.at());
        assert_eq!(windows[0].content.video_ms, expected);
        assert_eq!(windows, whole.learners["ada"].windows(&query, &whole.at()));
    }
}

/// Two events of one time are ordered by id. The seek is before the late start, so it does not stop
/// it.
#[test]
fn a_late_start_in_the_moment_of_a_seek_is_stopped_by_what_is_away() {
    let mut lesson = vec![video("a seek", EventType::VideoSeeked, 0)];
    lesson.extend(clicks(1_000));
    lesson.push(video("a pause", EventType::VideoPaused, 120_000));
    lesson.extend(clicks(121_000));
    lesson.push(video("another start", EventType::VideoPlayed, 240_000));
    lesson.extend([241_000, 300_000, 360_000].into_iter().flat_map(clicks));
    // The seek's block is in memory again when the start arrives.
    lesson.push(click("lms", "late", START_MS + 2_000));
    lesson.push(video("a start", EventType::VideoPlayed, 0));
    let Taught {
        whole, mut sparse, ..
    } = Taught::of(lesson, |event| match &*event.event_id {
        "a start" => 0,
        _ => 2,
    });
    sparse.checkpoint();
    sparse.checkpoint();
    let query = WindowQuery {
        from_ms: Some(START_MS + 120_000),
        to_ms: Some(START_MS + 180_000),
        ..WindowQuery::all(WindowShape::MINUTE)
    };
    let learner = sparse.ready_for("ada", &query);
    let windows = learner.windows(&query, &sparse.at());
    assert_eq!(windows[0].content.video_ms, 120_000);
    assert_eq!(windows, whole.learners["ada"].windows(&query, &whole.at()));
}

/// A reader takes the shard's clock, then reads the learner. A newer event may be applied in
/// between, and state shown by that clock evicted.
#[test]
fn a_profile_does_not_tell_what_is_away_from_a_clock_that_is_behind() {
    let mut whole = CoreRig::new(Settings::default());
    let mut sparse = CoreRig::new(Settings::default());
    for number in 0..6 {
        let at_ms = START_MS + 5_000 * number;
        whole.apply_one(at_ms, click("lms", &number.to_string(), at_ms));
        sparse.apply_one(at_ms, click("lms", &number.to_string(), at_ms));
    }
    let behind = whole.at();
    let at_ms = START_MS + 300_000;
    whole.apply_one(at_ms, click("lms", "newest", at_ms));
    sparse.checkpoint();
    sparse.apply_one(at_ms, click("lms", "newest", at_ms));
    sparse.checkpoint();
    assert!(evicted_blocks(&sparse, "ada") > 0);
    let profile = |rig: &CoreRig| rig.learners["ada"].profile(&behind);
    assert_eq!(profile(&sparse), profile(&whole));
}

/// A viewing leaves no state in memory once none of it can be shown. Its next event is counted from
/// stored blocks, however old.
#[test]
fn a_viewing_that_is_over_goes_on_where_it_ended() {
    let minute_ms = 60_000;
    let mut rig = CoreRig::new(Settings::default());
    let apply = |rig: &mut CoreRig, event: Event<'static>| {
        rig.checkpoint();
        let before = evicted_blocks(rig, "ada");
        let now_ms = rig.shard.log_time_ms().max(event.timestamp_ms);
        assert_eq!(rig.apply_one(now_ms, event).outcomes, [Outcome::Accepted]);
        before.saturating_sub(evicted_blocks(rig, "ada"))
    };
    apply(&mut rig, video("start", EventType::VideoPlayed, 0));
    for number in 1..=40 {
        let event = click("lms", &number.to_string(), START_MS + number * minute_ms);
        assert_eq!(apply(&mut rig, event), 0, "click {number}");
    }
    // A video without an earlier event loads no block; nor does one whose events are in memory.
    let other = Event {
        object_id: Some("another video".into()),
        ..video("other", EventType::VideoPlayed, 41 * minute_ms)
    };
    assert_eq!(apply(&mut rig, other), 0);
    let stop = video("stop", EventType::VideoPaused, 42 * minute_ms);
    assert_eq!(apply(&mut rig, stop), 1);
    let again = video("again", EventType::VideoPlayed, 43 * minute_ms);
    assert_eq!(apply(&mut rig, again), 0);
    let query = WindowQuery {
        from_ms: Some(START_MS + 42 * minute_ms),
        to_ms: Some(START_MS + 43 * minute_ms),
        ..WindowQuery::all(WindowShape::MINUTE)
    };
    let windows = rig.ready_for("ada", &query).windows(&query, &rig.at());
    assert_eq!(windows[0].content.video_ms, 30 * 60_000, "its cap");
}

/// Rolling accuracy covers more than the retention, also after blocks were deleted during
/// passivation.
#[test]
fn what_outlives_the_retention_is_there_after_a_long_passivation() {
    let mut rig = CoreRig::new(Settings {
        retention_ms: HOUR_MS,
        ..Settings::default()
    });
    for number in 0..5 {
        let at_ms = START_MS + number * 60_000;
        let event = Event {
            event_type: EventType::QuestionAnswered,
            score_millionths: Some(500_000),
            ..click("lms", &number.to_string(), at_ms)
        };
        rig.apply_one(at_ms, event);
    }
    rig.checkpoint();
    let now_ms = START_MS + 3 * HOUR_MS;
    let of_another = Event {
        user_id: "bo".into(),
        ..click("lms", "later", now_ms)
    };
    rig.apply_one(now_ms, of_another);
    rig.passivate_long("ada");
    assert_eq!(rig.learners["ada"].profile(&rig.at()).accuracy.attempts, 5);
    // The deletions are applied to the learner now.
    let event = click("lms", "back again", now_ms);
    assert_eq!(rig.apply_one(now_ms, event).outcomes, [Outcome::Accepted]);
    assert_eq!(rig.learners["ada"].identities(), 1);
    assert_eq!(rig.learners["ada"].profile(&rig.at()).accuracy.attempts, 5);
}

/// A block that is stored again keeps the start that its stop is counted from, whatever is evicted
/// around it.
#[test]
fn a_block_that_is_stored_anew_stands_for_itself() {
    let mut rig = CoreRig::new(Settings::default());
    let event = |rig: &mut CoreRig, id: &str, event_type, at_ms| {
        let event = Event {
            object_id: Some("video".into()),
            event_type,
            ..click("lms", id, START_MS + at_ms)
        };
        let now_ms = rig.shard.log_time_ms().max(event.timestamp_ms);
        rig.apply_one(now_ms, event).outcomes[0]
    };
    let minute_ms = 60_000;
    event(&mut rig, "start", EventType::VideoPlayed, 0);
    for (id, at_ms) in [("1", 1_000), ("2", 2_000)] {
        event(&mut rig, id, EventType::Click, at_ms);
    }
    event(&mut rig, "stop", EventType::VideoPaused, 5 * minute_ms);
    for number in 3..14 {
        let at_ms = (number + 2) * minute_ms + 10_000;
        event(&mut rig, &number.to_string(), EventType::Click, at_ms);
    }
    rig.checkpoint();
    rig.checkpoint();
    let before = evicted_blocks(&rig, "ada");
    let again = event(&mut rig, "1", EventType::Click, 1_000);
    assert!(matches!(again, Outcome::Duplicate { .. }), "{again:?}");
    event(&mut rig, "late", EventType::Click, 5 * minute_ms + 20_000);
    assert!(
        evicted_blocks(&rig, "ada") < before,
        "nothing was needed again"
    );
    rig.checkpoint();
    rig.checkpoint();
    let query = WindowQuery {
        from_ms: Some(START_MS + 5 * minute_ms),
        to_ms: Some(START_MS + 6 * minute_ms),
        ..WindowQuery::all(WindowShape::MINUTE)
    };
    let windows = rig.ready_for("ada", &query).windows(&query, &rig.at());
    assert_eq!(windows[0].content.video_ms, 5 * 60_000);
}

/// A query for a part of the past, with or without a bound on the time of change.
pub fn some_windows(rng: &mut Rng, now_ms: i64) -> WindowQuery {
    let mut ago_ms = || rng.bool().then(|| now_ms - rng.i64(0..3 * HOUR_MS));
    WindowQuery {
        changed_since_ms: ago_ms(),
        from_ms: ago_ms(),
        to_ms: ago_ms(),
        course_id: one_of(rng, &COURSES),
        ..WindowQuery::all(SHAPES[rng.usize(..SHAPES.len())])
    }
}

fn one_of(rng: &mut Rng, names: &[&str]) -> Option<String> {
    let place = rng.usize(..=names.len());
    names.get(place).map(|name| (*name).to_owned())
}

fn evicted_blocks(rig: &CoreRig, user_id: &str) -> usize {
    let learner = rig.learners.get(user_id);
    learner.map_or(0, |learner| learner.missing_within(&ALWAYS).len())
}

/// Learners with an accepted event: a restart drops the others.
fn known(rig: &CoreRig) -> impl Iterator<Item = (&String, &Learner)> {
    rig.learners
        .iter()
        .filter(|(_, learner)| learner.is_known())
}

/// The profiles, the standings, and what counts of each learner.
fn assert_shown_alike(sparse: &CoreRig, whole: &CoreRig) {
    let at = whole.at();
    assert_eq!(sparse.at(), at);
    for (user_id, learner) in known(whole) {
        let sparse = &sparse.learners[user_id];
        let kept = |it: &Learner| (it.kept_bytes(), it.kept_estimate());
        assert_eq!(kept(sparse), kept(learner));
        assert_eq!(sparse.profile(&at), learner.profile(&at));
        for course_id in COURSES {
            let standings = [sparse, learner].map(|it| it.standing(course_id, at.floor_ms));
            assert_eq!(standings[0], standings[1]);
        }
    }
}

fn assert_windows_alike(sparse: &Learner, whole: &Learner, at: &ReadPoint) {
    for course_id in COURSES.map(Some).into_iter().chain([None]) {
        for shape in SHAPES {
            let query = WindowQuery {
                course_id: course_id.map(str::to_owned),
                ..WindowQuery::all(shape)
            };
            assert_eq!(sparse.windows(&query, at), whole.windows(&query, at));
        }
    }
}
