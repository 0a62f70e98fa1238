//! All that can be read of a learner, compared with the naive model.

use std::collections::BTreeMap;

use crate::oracle::{self, NaiveEvent, NaiveLearner, NaiveModel, WindowRow, WindowSpec};
use homeroom_core::learner::{Learner, Profile, Window, WindowQuery, WindowState};
use homeroom_core::shard::ReadPoint;
use homeroom_core::{EventKind, WindowShape};

use super::core_rig::CoreRig;
use super::standings::assert_standings;

/// Five minutes every minute: a shape that is not emitted by default.
pub const FIVE_MINUTES: WindowShape = WindowShape {
    size_ms: 300_000,
    step_ms: 60_000,
};
/// The shapes that are compared.
pub const SHAPES: [WindowShape; 3] = [WindowShape::MINUTE, WindowShape::SLIDING, FIVE_MINUTES];

/// All learners, all that can be read of them.
pub fn assert_reads_equal(rig: &CoreRig, model: &NaiveModel) {
    let known = rig.learners.values().filter(|learner| learner.is_known());
    let users: Vec<&str> = known.map(Learner::user_id).collect();
    let expected: Vec<&str> = model.learners().map(|learner| learner.user_id).collect();
    assert_eq!(users, expected);
    let newest_ms = model
        .learners()
        .filter_map(|learner| Some(learner.events.last()?.timestamp_ms))
        .max();
    let at = rig.at();
    assert_eq!(newest_ms.unwrap_or(i64::MIN), at.event_clock_ms);
    for naive in model.learners() {
        let learner = &rig.learners[naive.user_id];
        assert_windows(&rig.whole(naive.user_id), &naive, &at);
        assert_sessions(learner, &naive, &at);
        assert_profile(&learner.profile(&at), &naive, &at);
        assert_standings(learner, &naive, &at);
    }
}

/// The windows of all shapes, of the whole learner and of each course.
pub fn assert_windows(learner: &Learner, naive: &NaiveLearner<'_>, at: &ReadPoint) {
    let courses = naive.courses();
    let ids = courses.iter().map(|course| Some(course.course_id.as_str()));
    let scopes: Vec<Option<&str>> = ids.chain([None, Some("no such course")]).collect();
    for shape in SHAPES {
        for &course_id in &scopes {
            let query = WindowQuery {
                course_id: course_id.map(str::to_owned),
                ..WindowQuery::all(shape)
            };
            let got = learner.windows(&query, at);
            let expected = naive.windows(spec(shape, at.floor_ms), course_id);
            assert_eq!(
                starts(&got),
                expected
                    .iter()
                    .map(|row| row.window_start_ms)
                    .collect::<Vec<_>>(),
                "{} {shape:?} {course_id:?}",
                naive.user_id
            );
            for (window, row) in got.iter().zip(&expected) {
                let in_course = |event: &NaiveEvent| {
                    course_id.is_none() || event.course_id.as_deref() == course_id
                };
                let events = naive.events.iter().filter(|event| {
                    (window.start_ms..window.end_ms).contains(&event.timestamp_ms)
                        && in_course(event)
                });
                let types: Vec<&str> = events.map(|event| event.event_type.as_str()).collect();
                assert_eq!(window.content.events(), types.len() as u64);
                let listed = oracle::TypeList::of(types.into_iter());
                assert_eq!(type_list(window), listed);
                assert_window(window, row, shape, at);
            }
        }
    }
}

fn type_list(window: &Window) -> oracle::TypeList {
    let content = &window.content;
    let listed = content.events_by_type.iter();
    oracle::TypeList {
        listed: listed
            .map(|(event_type, events)| (event_type.name().to_owned(), *events))
            .collect(),
        other_types: content.other_types,
        other_events: content.other_events,
    }
}

fn assert_window(got: &Window, row: &WindowRow, shape: WindowShape, at: &ReadPoint) {
    let content = &got.content;
    let interactions: BTreeMap<String, u64> = content
        .events_by_type
        .iter()
        .filter(|(event_type, _)| event_type.kind() == EventKind::Interaction)
        .map(|(event_type, count)| (event_type.name().to_owned(), *count))
        .collect();
    // Types that are not listed are compared by `type_list`.
    let interactions = match content.other_types {
        0 => interactions,
        _ => row.interactions.clone(),
    };
    let as_row = WindowRow {
        user_id: row.user_id.clone(),
        window_start_ms: got.start_ms,
        window_end_ms: got.end_ms,
        clicks: content.clicks,
        quiz_count: content.quiz_count,
        average_score: content.average_score(),
        video_ms: i64::try_from(content.video_ms).unwrap(),
        active_ms: i64::try_from(content.active_ms()).unwrap(),
        engagement: content.engagement(shape.size_ms),
        interactions,
    };
    assert_eq!(&as_row, row);
    assert!((0.0..=1.0).contains(&as_row.engagement));
    let state = match got.state {
        WindowState::Open => oracle::WindowState::Open,
        WindowState::Closed => oracle::WindowState::Closed,
        WindowState::Settled | WindowState::Amended => oracle::WindowState::Settled,
    };
    assert_eq!(state, row.state(at.watermark_ms), "{got:?}");
    assert_eq!(got.revision == 0, got.state == WindowState::Open, "{got:?}");
}

fn assert_sessions(learner: &Learner, naive: &NaiveLearner<'_>, at: &ReadPoint) {
    let got: Vec<_> = learner
        .sessions(at.watermark_ms)
        .filter(|session| session.last_ms >= at.floor_ms)
        .map(|it| {
            let id = it.session_id.to_string();
            (id, it.start_ms, it.last_ms, it.events, it.ended)
        })
        .collect();
    let expected: Vec<_> = naive
        .sessions()
        .into_iter()
        .filter(|session| session.last_ms >= at.floor_ms)
        .map(|it| {
            let ended = it.ended(at.watermark_ms.max(i64::MIN / 2));
            (it.session_id, it.start_ms, it.last_ms, it.events, ended)
        })
        .collect();
    assert_eq!(got, expected, "sessions of {}", naive.user_id);
}

fn assert_profile(got: &Profile, naive: &NaiveLearner<'_>, at: &ReadPoint) {
    let last_ms = naive.events.last().map(|event| event.timestamp_ms);
    assert_eq!(Some(got.last_event_ms), last_ms);
    assert_eq!(got.events, naive.events.len() as u64);
    let session = got.session.as_ref().map(|session| &*session.session_id);
    assert_eq!(session, naive.present_session());
    assert_rings(got, naive);
    assert_accuracy(got, naive);
    let courses: Vec<_> = got
        .courses
        .iter()
        .map(|course| (&*course.course_id, course.last_event_ms, course.enrolled))
        .collect();
    let standings = naive.courses();
    let expected: Vec<_> = standings
        .iter()
        .map(|course| (course.course_id.as_str(), course.last_ms, course.enrolled))
        .collect();
    assert_eq!(courses, expected);
    let sliding_ms = at.event_clock_ms.div_euclid(5_000) * 5_000 - 25_000;
    assert_shown(&got.sliding_window, WindowShape::SLIDING, sliding_ms, naive);
    let minute_ms = got.last_event_ms.div_euclid(60_000) * 60_000;
    assert_shown(&got.last_window, WindowShape::MINUTE, minute_ms, naive);
}

fn assert_shown(got: &Option<Window>, shape: WindowShape, start_ms: i64, naive: &NaiveLearner<'_>) {
    let rows = naive.windows(spec(shape, i64::MIN), None);
    let row = rows.iter().find(|row| row.window_start_ms == start_ms);
    assert_eq!(
        got.as_ref()
            .map(|window| (window.start_ms, window.content.clicks)),
        row.map(|row| (row.window_start_ms, row.clicks))
    );
}

fn assert_rings(got: &Profile, naive: &NaiveLearner<'_>) {
    let interactions: Vec<_> = got
        .last_interactions
        .iter()
        .map(|it| {
            let place = (it.key.timestamp_ms, &*it.key.event_id);
            (place, it.event_type.name(), it.object_id.as_deref())
        })
        .collect();
    let expected: Vec<_> = naive
        .last_interactions()
        .into_iter()
        .map(|it| (it.order(), it.event_type.as_str(), it.object_id.as_deref()))
        .collect();
    assert_eq!(interactions, expected);
    let assessments: Vec<_> = got
        .last_assessments
        .iter()
        .map(|it| {
            let place = (it.key.timestamp_ms, &*it.key.event_id);
            let named = (it.attempt_id.as_deref(), it.skill_id.as_deref());
            let about = (it.object_id.as_deref(), it.course_id.as_deref());
            (place, i64::from(it.score_millionths), named, about)
        })
        .collect();
    let expected: Vec<_> = naive
        .last_assessments()
        .into_iter()
        .map(|it| {
            let newest = it.newest;
            let named = (newest.attempt_id.as_deref(), newest.skill_id.as_deref());
            let about = (newest.object_id.as_deref(), newest.course_id.as_deref());
            (newest.order(), it.millionths, named, about)
        })
        .collect();
    assert_eq!(assessments, expected);
}

fn assert_accuracy(got: &Profile, naive: &NaiveLearner<'_>) {
    let rolling = naive.rolling_accuracy();
    assert_eq!(
        (got.accuracy.last5, got.accuracy.last20),
        (rolling.last_5, rolling.last_20)
    );
    let attempts = naive.attempts().len().min(20);
    assert_eq!(got.accuracy.attempts as usize, attempts);
    let skills: BTreeMap<String, _> = got
        .skills
        .iter()
        .map(|(skill, accuracy)| (skill.to_string(), (accuracy.last5, accuracy.last20)))
        .collect();
    assert_eq!(skills, rolling.by_skill);
}

pub fn spec(shape: WindowShape, floor_ms: i64) -> WindowSpec {
    WindowSpec {
        size_ms: shape.size_ms,
        step_ms: shape.step_ms,
        floor_ms: Some(floor_ms),
    }
}

fn starts(windows: &[Window]) -> Vec<i64> {
    windows.iter().map(|window| window.start_ms).collect()
}

/// A profile without what depends on the order of arrival.
pub fn timeless(mut profile: Profile) -> Profile {
    let shown = [&mut profile.sliding_window, &mut profile.last_window];
    for window in shown.into_iter().flatten() {
        window.revision = 0;
        window.state = WindowState::Open;
    }
    profile
}
