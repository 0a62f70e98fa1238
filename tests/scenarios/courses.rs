//! Courses: merged from all shards, equal to the model, whether their learners are active or
//! passivated.

use std::collections::BTreeMap;

use homeroom_client::{Client, v1};
use homeroom_tests::generator::GeneratorSettings;
use homeroom_tests::oracle::{Moment, NaiveModel, NaiveStanding, WindowRow, WindowSpec};

use crate::harness::events::{HOUR_MS, MINUTE_MS, accepted, click, client, event};
use crate::harness::passivation::passivate_everyone;
use crate::harness::{Home, Input, Seed};

const LEARNERS: u32 = 150;

fn lesson(seed: &Seed) -> GeneratorSettings {
    GeneratorSettings {
        lines: 6_000,
        learners: LEARNERS,
        courses: 2,
        span_ms: 40 * MINUTE_MS,
        late: 0.0,
        seed: seed.seed,
        ..GeneratorSettings::default()
    }
}

fn course_ids(model: &NaiveModel) -> Vec<String> {
    let mut ids: Vec<String> = model
        .learners()
        .flat_map(|learner| learner.courses())
        .map(|course| course.course_id)
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

async fn get(client: &Client, request: v1::GetCourseRequest) -> v1::GetCourseResponse {
    client.get_course(request).await.expect("a course")
}

async fn whole(client: &Client, course_id: &str) -> v1::GetCourseResponse {
    let request = v1::GetCourseRequest {
        course_id: course_id.to_owned(),
        page_size: 10_000,
        ..v1::GetCourseRequest::default()
    };
    get(client, request).await
}

/// The shard of each learner.
async fn shards(client: &Client, model: &NaiveModel) -> BTreeMap<String, u32> {
    let mut shards = BTreeMap::new();
    for learner in model.learners() {
        let request = v1::GetLearnerRequest {
            user_id: learner.user_id.to_owned(),
            ..v1::GetLearnerRequest::default()
        };
        let answer = client.get_learner(request).await.expect("an answer");
        let freshness = answer.freshness.expect("freshness");
        shards.insert(learner.user_id.to_owned(), freshness.shard);
    }
    shards
}

fn read(entry: &v1::RosterEntry) -> NaiveStanding {
    let codes = [
        "wrong_in_a_row",
        "stuck_on_item",
        "idle_in_session",
        "rewatching",
        "dropping_accuracy",
    ];
    let reasons = entry.reasons.iter().map(|reason| {
        let code = codes
            .into_iter()
            .find(|code| *code == reason.code)
            .expect("a code");
        let skill_id = Some(reason.skill_id.clone()).filter(|skill_id| !skill_id.is_empty());
        (code, skill_id, reason.count, reason.since_ms)
    });
    let accuracy = entry.accuracy.unwrap_or_default();
    NaiveStanding {
        status: match entry.status() {
            v1::LearnerStatus::Active => "active",
            v1::LearnerStatus::Watching => "watching",
            v1::LearnerStatus::Idle => "idle",
            v1::LearnerStatus::Away => "away",
            v1::LearnerStatus::Unspecified => "",
        },
        reasons: reasons.collect(),
        accuracy: (accuracy.last5, accuracy.last20),
        engagement: entry.engagement,
    }
}

/// The course's roster equals the model's, learner by learner, and its sums are those of the
/// roster.
fn assert_course(
    answer: &v1::GetCourseResponse,
    course_id: &str,
    model: &NaiveModel,
    shards: &BTreeMap<String, u32>,
    clock_ms: i64,
) {
    let watermarks: BTreeMap<u32, i64> = answer
        .freshness
        .iter()
        .filter_map(|freshness| Some((freshness.shard, freshness.watermark_ms?)))
        .collect();
    let got: BTreeMap<&str, NaiveStanding> = answer
        .roster
        .iter()
        .map(|entry| (entry.user_id.as_str(), read(entry)))
        .collect();
    assert_eq!(got.len(), answer.roster.len(), "no learner is listed twice");
    let mut expected = BTreeMap::new();
    for learner in model.learners() {
        let courses = learner.courses();
        let course = courses.iter().find(|course| course.course_id == course_id);
        if course.is_some_and(|course| course.on_roster()) {
            let at = Moment {
                clock_ms,
                watermark_ms: watermarks[&shards[learner.user_id]],
                floor_ms: i64::MIN,
            };
            expected.insert(learner.user_id, learner.standing(course_id, at));
        }
    }
    assert_eq!(got, expected);
    let course = answer.course.as_ref().expect("the course as a whole");
    let with = |status| {
        answer
            .roster
            .iter()
            .filter(|entry| entry.status() == status)
            .count() as u64
    };
    assert_eq!(
        (
            course.learners,
            course.active,
            course.watching,
            course.idle,
            course.away
        ),
        (
            expected.len() as u64,
            with(v1::LearnerStatus::Active),
            with(v1::LearnerStatus::Watching),
            with(v1::LearnerStatus::Idle),
            with(v1::LearnerStatus::Away)
        )
    );
    let needing = answer
        .roster
        .iter()
        .take_while(|entry| !entry.reasons.is_empty())
        .count();
    assert_eq!(course.needing_help, needing as u64, "they come first");
    assert!(
        answer.roster[needing..]
            .iter()
            .all(|entry| entry.reasons.is_empty())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_is_as_the_model_says_passivated_or_active() {
    let seed = Seed::of("courses::a_course_is_as_the_model_says_passivated_or_active");
    let home = Home::new(&["--shards", "4"])
        .with("memory.passivate_after", "1s")
        .with("checkpoint.interval", "200ms");
    let input = Input::generate(&home, lesson(&seed));
    let model = input.model(1);
    let node = home.start();
    home.cli().json(&["ingest", input.name()]);
    let client = client(&home);
    let shards = shards(&client, &model).await;
    let clock_ms = model.newest_ms();
    let ids = course_ids(&model);
    assert!(ids.len() >= 2, "{ids:?}");
    for course_id in &ids {
        let answer = whole(&client, course_id).await;
        assert_course(&answer, course_id, &model, &shards, clock_ms);
        let again = whole(&client, course_id).await;
        assert_course(&again, course_id, &model, &shards, clock_ms);
    }
    let later_ms = clock_ms + 4 * MINUTE_MS;
    passivate_everyone(&home, &client, later_ms).await;
    for course_id in &ids {
        let answer = whole(&client, course_id).await;
        assert_course(&answer, course_id, &model, &shards, later_ms);
    }
    node.kill();
    let _node = home.start();
    for course_id in &ids {
        let answer = whole(&client, course_id).await;
        assert_course(&answer, course_id, &model, &shards, later_ms);
    }
    let listed = client
        .list_courses(v1::ListCoursesRequest::default())
        .await
        .expect("courses");
    let listed: Vec<_> = listed
        .courses
        .iter()
        .map(|course| course.course_id.as_str())
        .collect();
    let known = ids.iter().map(String::as_str).chain(["elsewhere"]);
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    assert_eq!(listed, known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roster_comes_in_pages() {
    let seed = Seed::of("courses::a_roster_comes_in_pages");
    let home = Home::new(&["--shards", "4"]);
    let input = Input::generate(&home, lesson(&seed));
    let _node = home.start();
    home.cli().json(&["ingest", input.name()]);
    let client = client(&home);
    let course_id = course_ids(&input.model(1)).remove(0);
    let all = whole(&client, &course_id).await;
    let needing = all.course.as_ref().expect("a course").needing_help as usize;
    for (needing_help_only, expected) in [(false, &all.roster[..]), (true, &all.roster[..needing])]
    {
        let mut got = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = get(
                &client,
                v1::GetCourseRequest {
                    course_id: course_id.clone(),
                    page_size: 7,
                    page_token,
                    needing_help_only,
                    ..v1::GetCourseRequest::default()
                },
            )
            .await;
            assert_eq!(page.course, all.course, "the sums are of the whole course");
            assert!(page.roster.len() <= 7);
            got.extend(page.roster);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(got, expected);
    }
    let ids: Vec<String> = {
        let mut ids = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListCoursesRequest {
                page_size: 1,
                page_token,
                ..v1::ListCoursesRequest::default()
            };
            let page = client.list_courses(request).await.expect("a page");
            ids.extend(page.courses.into_iter().map(|course| course.course_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break ids;
            }
        }
    };
    assert_eq!(ids, course_ids(&input.model(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_window_is_the_sum_of_its_learners() {
    let seed = Seed::of("courses::a_class_window_is_the_sum_of_its_learners");
    let home = Home::new(&["--shards", "4"]);
    let input = Input::generate(&home, lesson(&seed));
    let model = input.model(1);
    let _node = home.start();
    home.cli().json(&["ingest", input.name()]);
    let client = client(&home);
    for course_id in course_ids(&model) {
        let mut expected: BTreeMap<i64, Vec<WindowRow>> = BTreeMap::new();
        for learner in model.learners() {
            for row in learner.windows(WindowSpec::MINUTE, Some(&course_id)) {
                expected.entry(row.window_start_ms).or_default().push(row);
            }
        }
        let mut got = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListCourseWindowsRequest {
                course_id: course_id.clone(),
                page_size: 11,
                page_token,
                ..v1::ListCourseWindowsRequest::default()
            };
            let page = client.list_course_windows(request).await.expect("windows");
            got.extend(page.windows);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let starts: Vec<i64> = got.iter().map(|window| window.start_ms).collect();
        assert_eq!(starts, expected.keys().copied().collect::<Vec<_>>());
        for window in &got {
            assert_window(window, &expected[&window.start_ms]);
        }
    }
}

fn assert_window(window: &v1::CourseWindow, rows: &[WindowRow]) {
    let sum = |of: fn(&WindowRow) -> u64| rows.iter().map(of).sum::<u64>();
    let whole = |value: i64| u64::try_from(value).expect("not negative");
    assert_eq!(window.learners, rows.len() as u64);
    assert_eq!(window.clicks, sum(|row| row.clicks));
    assert_eq!(window.quiz_count, sum(|row| row.quiz_count));
    assert_eq!(
        window.video_ms,
        whole(rows.iter().map(|row| row.video_ms).sum())
    );
    assert_eq!(
        window.active_ms,
        whole(rows.iter().map(|row| row.active_ms).sum())
    );
    let engagement = rows.iter().map(|row| row.engagement).sum::<f64>() / rows.len() as f64;
    assert!((window.engagement - engagement).abs() < 1e-6);
    let scores = rows
        .iter()
        .filter_map(|row| Some((row.average_score?, row.quiz_count as f64)));
    let points: f64 = scores.map(|(mean, count)| mean * count).sum();
    match window.average_score {
        Some(mean) => assert!((mean - points / window.quiz_count as f64).abs() < 1e-6),
        None => assert_eq!(window.quiz_count, 0),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unenrolled_learner_leaves_the_roster_and_may_return() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let client = client(&home);
    let in_course = |user_id: &str, id: &str, at_ms: i64, event_type: &str| v1::Event {
        course_id: "algebra/1".to_owned(),
        ..event(user_id, id, at_ms, event_type)
    };
    accepted(
        &client,
        vec![
            in_course("ada", "1", HOUR_MS, "enrolled"),
            in_course("ben", "1", HOUR_MS + 1, "page_view"),
            in_course("cy", "1", HOUR_MS + 2, "enrolled"),
            in_course("cy", "2", HOUR_MS + 3, "unenrolled"),
        ],
    )
    .await;
    let names = |answer: &v1::GetCourseResponse| {
        let names = answer
            .roster
            .iter()
            .map(|entry| (entry.user_id.clone(), entry.enrolled));
        names.collect::<Vec<_>>()
    };
    let answer = whole(&client, "algebra/1").await;
    assert_eq!(
        names(&answer),
        [("ada".into(), Some(true)), ("ben".into(), None)]
    );
    accepted(&client, vec![in_course("cy", "3", HOUR_MS + 4, "enrolled")]).await;
    let answer = whole(&client, "algebra/1").await;
    assert_eq!(answer.roster.len(), 3);
    let unknown = whole(&client, "no such course").await;
    assert!(!unknown.found && unknown.course.is_none() && unknown.roster.is_empty());
    for (course_id, page_token) in [("", ""), ("algebra/1", "x")] {
        let request = v1::GetCourseRequest {
            course_id: course_id.to_owned(),
            page_token: page_token.to_owned(),
            ..v1::GetCourseRequest::default()
        };
        client.get_course(request).await.expect_err("refused");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_course_tells_of_its_changes() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let client = client(&home);
    let mut watch = client.watch_course(v1::WatchCourseRequest {
        course_id: "algebra".to_owned(),
        min_interval_ms: 100,
        ..v1::WatchCourseRequest::default()
    });
    assert!(!watch.next().await.expect("an answer").found);
    let wrong = |number: i64| v1::Event {
        course_id: "algebra".to_owned(),
        success: Some(false),
        skill_id: "fractions".to_owned(),
        ..event(
            "ada",
            &number.to_string(),
            HOUR_MS + number,
            "question_answered",
        )
    };
    accepted(&client, vec![wrong(1), wrong(2)]).await;
    let answer = watch.next().await.expect("an answer");
    assert!(answer.found && answer.roster[0].reasons.is_empty());
    accepted(&client, vec![wrong(3)]).await;
    let answer = watch.next().await.expect("an answer");
    let codes: Vec<_> = answer.roster[0]
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect();
    assert_eq!(codes, ["wrong_in_a_row"]);
    assert_eq!(answer.course.expect("the course").needing_help, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_between_two_checkpoints_keep_rosters_complete() {
    // No checkpoint except those that the test requests.
    let home = Home::new(&["--shards", "1"]).with("checkpoint.interval", "10m");
    let node = home.start();
    let client = client(&home);
    let day_ms = 24 * 60 * MINUTE_MS;
    let in_course = |user_id: &str, id: &str, at_ms: i64, course_id: &str| v1::Event {
        course_id: course_id.to_owned(),
        ..click(user_id, id, at_ms)
    };
    // The first course is beyond the retention before anything of it is saved.
    accepted(&client, vec![in_course("ada", "1", HOUR_MS, "algebra")]).await;
    let later_ms = HOUR_MS + 3 * day_ms;
    accepted(&client, vec![in_course("ben", "1", later_ms, "biology")]).await;
    accepted(&client, vec![in_course("ada", "2", later_ms, "biology")]).await;
    home.cli().json(&["cluster", "checkpoint"]);
    // So late that a start need not wake any learner.
    let much_later_ms = later_ms + 12 * 60 * MINUTE_MS;
    accepted(
        &client,
        vec![in_course("cy", "1", much_later_ms, "biology")],
    )
    .await;
    home.cli().json(&["cluster", "checkpoint"]);
    node.kill();
    let _node = home.start();
    let roster = |answer: v1::GetCourseResponse| {
        let names = answer.roster.into_iter().map(|entry| entry.user_id);
        names.collect::<Vec<_>>()
    };
    assert_eq!(roster(whole(&client, "algebra").await), ["ada"]);
    assert_eq!(
        roster(whole(&client, "biology").await),
        ["ada", "ben", "cy"]
    );
}
