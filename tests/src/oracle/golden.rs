//! Hand-computed examples of windows, sessions and rings; each names the rule that it shows.

use serde_json::{Value, json};

use super::WindowLine;
use super::{NaiveModel, Outcome, Settings, WindowRow, WindowSpec, WindowState, compare_rows};

/// An event of learner `ada` in session `s` at `at` seconds past 10:00, with the fields of `more`.
pub(super) fn event(id: &str, at_s: f64, event_type: &str, more: Value) -> String {
    let (minute, second) = ((at_s / 60.0) as u32, at_s % 60.0);
    let mut event = json!({
        "eventId": id, "userId": "ada", "sessionId": "s", "source": "lms", "eventType": event_type,
        "timestamp": format!("2025-03-05T10:{minute:02}:{second:06.3}Z"),
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    event.to_string()
}

const TEN_MS: i64 = 1_741_168_800_000;

fn model(lines: &[String]) -> NaiveModel {
    let mut model = NaiveModel::new(Settings::default());
    for line in lines {
        assert_eq!(
            model.deliver_native(line.as_bytes()),
            Outcome::Accepted,
            "{line}"
        );
    }
    model
}

fn minutes(lines: &[String]) -> Vec<WindowRow> {
    model(lines).windows(WindowSpec::MINUTE)
}

fn video_by_minute(lines: &[String]) -> Vec<(i64, i64)> {
    let rows = minutes(lines);
    rows.iter()
        .map(|row| ((row.window_start_ms - TEN_MS) / 60_000, row.video_ms))
        .collect()
}

#[test]
fn a_minute_sums_up_and_engagement_follows_the_formula() {
    let rows = minutes(&[
        event("1", 0.0, "page_view", json!({})),
        event("2", 4.9, "click", json!({})),
        event("3", 5.0, "forum_post", json!({})),
        event("4", 20.0, "session_start", json!({})),
        event(
            "5",
            30.0,
            "quiz_submitted",
            json!({"score": 1, "maxScore": 3}),
        ),
        event("6", 59.999, "video_watched", json!({"watchedMs": 6000})),
    ]);
    let row = &rows[0];
    assert_eq!(
        (rows.len(), row.window_start_ms, row.window_end_ms),
        (1, TEN_MS, TEN_MS + 60_000)
    );
    assert_eq!((row.clicks, row.quiz_count, row.video_ms), (2, 1, 6_000));
    assert_eq!(
        row.active_ms, 20_000,
        "panes 0, 1, 6 and 11; the state event makes none active"
    );
    assert_eq!(
        row.average_score,
        Some(0.333333),
        "1/3 in millionths is 333,333"
    );
    let by_hand = 0.3 * (2.0 / 12.0) + 0.3 * 0.1 + 0.2 * 0.5 + 0.2 * (20.0 / 60.0);
    assert!((row.engagement - by_hand).abs() < 1e-12);
    assert_eq!(
        row.interactions.keys().collect::<Vec<_>>(),
        ["click", "forum_post", "page_view", "video_watched"]
    );
}

#[test]
fn a_window_of_state_alone_exists_and_is_empty() {
    let rows = minutes(&[event("1", 3.0, "session_start", json!({}))]);
    assert_eq!(
        (rows.len(), rows[0].active_ms, rows[0].average_score),
        (1, 0, None)
    );
    assert_eq!(rows[0].engagement, 0.0);
}

#[test]
fn sliding_windows_cover_an_event_six_times_and_ends_are_exclusive() {
    let rows = model(&[event("1", 31.0, "click", json!({}))]).windows(WindowSpec::SLIDING);
    let starts: Vec<i64> = rows
        .iter()
        .map(|row| (row.window_start_ms - TEN_MS) / 1_000)
        .collect();
    assert_eq!(starts, [5, 10, 15, 20, 25, 30]);
}

#[test]
fn watched_time_goes_from_a_play_to_the_stop_right_after_it() {
    let on = |id: &str, at_s: f64, event_type: &str| {
        event(id, at_s, event_type, json!({"objectId": "v"}))
    };
    let lines = [
        on("1", 50.0, "video_played"),
        on("2", 70.0, "video_paused"),
        on("3", 75.0, "video_paused"),
        on("4", 80.0, "video_played"),
        on("5", 90.0, "video_played"),
        event("6", 95.0, "video_paused", json!({"objectId": "other"})),
        event(
            "7",
            96.0,
            "video_paused",
            json!({"objectId": "v", "sessionId": "t"}),
        ),
        on("8", 100.0, "video_seeked"),
    ];
    assert_eq!(
        video_by_minute(&lines),
        [(0, 0), (1, 20_000 + 10_000)],
        "the second play begins anew"
    );
}

#[test]
fn watched_time_is_capped_by_the_largest_length_of_any_event() {
    let lines = [
        event(
            "1",
            0.0,
            "video_played",
            json!({"objectId": "v", "lengthMs": 30_000}),
        ),
        event("2", 120.0, "video_ended", json!({"objectId": "v"})),
        event(
            "3",
            1800.0,
            "bookmarked",
            json!({"objectId": "v", "lengthMs": 40_000.4}),
        ),
    ];
    assert_eq!(video_by_minute(&lines), [(0, 0), (2, 40_000), (30, 0)]);
    let lines = [
        event("1", 0.0, "video_played", json!({})),
        event("2", 3000.0, "video_ended", json!({})),
    ];
    assert_eq!(
        video_by_minute(&lines),
        [(0, 0), (50, 1_800_000)],
        "no object is an object; half an hour without a length"
    );
}

#[test]
fn stated_watched_time_is_credited_alone() {
    let lines = [
        event("1", 0.0, "video_played", json!({"objectId": "v"})),
        event(
            "2",
            10.0,
            "video_paused",
            json!({"objectId": "v", "watched_s": 2.5}),
        ),
        event("3", 15.0, "video_paused", json!({"objectId": "v"})),
    ];
    assert_eq!(
        video_by_minute(&lines),
        [(0, 2_500)],
        "the second stop follows a stop"
    );
}

#[test]
fn equal_times_are_ordered_by_the_id_as_bytes() {
    let video = json!({"objectId": "v"});
    let lines = [
        event("a", 10.0, "video_paused", video.clone()),
        event("Z", 10.0, "video_played", video.clone()),
        event("Y", 2.0, "video_played", video),
    ];
    // Y (2 s), Z (10 s), a (10 s): the pause follows Z, since 'Z' precedes 'a' in bytes.
    assert_eq!(video_by_minute(&lines), [(0, 0)]);
}

#[test]
fn the_newest_of_an_attempt_counts_where_it_stands() {
    let of = |id: &str, at_s: f64, event_type: &str, score: u32, course: &str| {
        event(
            id,
            at_s,
            event_type,
            json!({"attemptId": "x", "score": score, "maxScore": 10, "courseId": course}),
        )
    };
    let lines = [
        of("1", 0.0, "quiz_submitted", 4, "c1"),
        of("2", 130.0, "score_updated", 9, "c2"),
    ];
    let model = model(&lines);
    let learner = model.learner("ada").unwrap();
    let seen = |course: Option<&str>| -> Vec<_> {
        let rows = learner.windows(WindowSpec::MINUTE, course);
        rows.iter()
            .map(|row| {
                (
                    (row.window_start_ms - TEN_MS) / 60_000,
                    row.quiz_count,
                    row.average_score,
                )
            })
            .collect()
    };
    assert_eq!(seen(None), [(0, 0, None), (2, 1, Some(0.9))]);
    assert_eq!(
        (seen(Some("c1")), seen(Some("c2"))),
        (vec![(0, 0, None)], vec![(2, 1, Some(0.9))])
    );
    assert_eq!(
        learner.windows(WindowSpec::MINUTE, None)[0].active_ms,
        5_000,
        "the replaced event was activity"
    );
}

#[test]
fn only_attempts_with_a_submission_are_quizzes() {
    let lines = [
        event(
            "1",
            0.0,
            "score_updated",
            json!({"attemptId": "x", "score": 1, "maxScore": 2}),
        ),
        event(
            "2",
            1.0,
            "question_answered",
            json!({"success": true, "skillId": "k"}),
        ),
        event(
            "3",
            2.0,
            "quiz_submitted",
            json!({"score": 0, "maxScore": 2, "success": true}),
        ),
    ];
    let model = model(&lines);
    let learner = model.learner("ada").unwrap();
    let row = &learner.windows(WindowSpec::MINUTE, None)[0];
    assert_eq!(
        (row.quiz_count, row.average_score),
        (1, Some(0.0)),
        "points win over success"
    );
    let newest: Vec<&str> = learner
        .last_assessments()
        .iter()
        .map(|it| it.newest.event_id.as_str())
        .collect();
    assert_eq!(newest, ["3", "2", "1"], "all three are attempts");
    let accuracy = learner.rolling_accuracy();
    assert_eq!((accuracy.last_5, accuracy.last_20), (Some(0.5), Some(0.5)));
    assert_eq!(accuracy.by_skill["k"], (Some(1.0), Some(1.0)));
}

#[test]
fn rings_keep_the_newest() {
    let answers = (0..7).map(|n| {
        event(
            &format!("q{n}"),
            f64::from(n),
            "question_answered",
            json!({"success": n < 4}),
        )
    });
    let clicks = (0..12).map(|n| event(&format!("c{n:02}"), 20.0, "click", json!({})));
    let model = model(&answers.chain(clicks).collect::<Vec<_>>());
    let learner = model.learner("ada").unwrap();
    let accuracy = learner.rolling_accuracy();
    assert_eq!(
        accuracy.last_5,
        Some(0.4),
        "of q2 to q6 only q2 and q3 are right"
    );
    assert_eq!(accuracy.last_20, Some((4_000_000.0 / 7.0) / 1_000_000.0));
    let last: Vec<&str> = learner
        .last_interactions()
        .iter()
        .map(|event| event.event_id.as_str())
        .collect();
    assert_eq!((last.len(), last[0], last[9]), (10, "c11", "c02"));
}

#[test]
fn a_session_ends_by_word_or_by_silence_and_reopens() {
    let lines = [
        event("1", 0.0, "session_start", json!({})),
        event("2", 60.0, "session_end", json!({})),
        event("3", 30.0, "click", json!({"sessionId": "t"})),
        event(
            "4",
            10.0,
            "enrolled",
            json!({"sessionId": "", "courseId": "c"}),
        ),
    ];
    let ended = model(&lines);
    let learner = ended.learner("ada").unwrap();
    let [s, t] = &learner.sessions()[..] else {
        panic!("two sessions")
    };
    assert_eq!(
        (s.start_ms, s.last_ms, s.ended(TEN_MS)),
        (TEN_MS, TEN_MS + 60_000, true)
    );
    let silent_ms = t.last_ms + 1_800_000;
    assert_eq!((t.ended(silent_ms), t.ended(silent_ms + 1)), (false, true));
    assert_eq!(learner.present_session(), Some("s"));
    assert_eq!(learner.courses()[0].enrolled, Some(true));

    let reopened = model(&[&lines[..], &[event("5", 61.0, "click", json!({}))]].concat());
    assert!(!reopened.learner("ada").unwrap().sessions()[0].ended(TEN_MS + 61_000));
}

#[test]
fn states_and_floors_follow_the_watermark() {
    let model = model(&[event("1", 0.0, "click", json!({}))]);
    let row = &model.windows(WindowSpec::MINUTE)[0];
    let at = |after_end_ms: i64| row.state(row.window_end_ms + after_end_ms);
    assert_eq!(
        (at(-1), at(0), at(30_000)),
        (WindowState::Open, WindowState::Closed, WindowState::Settled)
    );
    assert_eq!(
        Settings::floor_at(TEN_MS + 59_999, 3_600_000),
        TEN_MS - 3_600_000
    );
    let above = |floor_ms: i64| WindowSpec {
        floor_ms: Some(floor_ms),
        ..WindowSpec::MINUTE
    };
    assert_eq!(model.windows(above(row.window_start_ms)).len(), 1);
    assert!(model.windows(above(row.window_start_ms + 1)).is_empty());
}

#[test]
fn a_comparison_finds_what_differs_and_forgives_order() {
    let rows = minutes(&[
        event("1", 0.0, "click", json!({})),
        event("2", 60.0, "click", json!({})),
    ]);
    let mut got: Vec<Value> = rows
        .iter()
        .rev()
        .map(|row| serde_json::to_value(WindowLine::from(row)).unwrap())
        .collect();
    let compare = |got: &[Value]| compare_rows(&rows, got.iter().map(Value::to_string)).differences;
    got[0]["revision"] = 7.into();
    assert_eq!(got[1]["windowStart"], TEN_MS);
    assert_eq!(got[1]["windowEnd"], TEN_MS + 60_000);
    assert_eq!(compare(&got), Vec::<String>::new());
    got[0]["clicks"] = 2.into();
    assert!(compare(&got)[0].ends_with("clicks expected 1, got 2"));
    assert!(compare(&got[..1])[0].ends_with("missing"));
    got.push(got[0].clone());
    assert!(compare(&got)[0].ends_with("came twice"));
    got[0]["windowStart"] = "2025-03-05T10:01:00Z".into();
    assert!(
        compare(&got)[0].starts_with("not a window"),
        "times are integers"
    );
}
