//! Reads are bounded: in the work of one answer, so that others go on meanwhile, and in bytes, so
//! that stock clients take every answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use homeroom_client::Client;
use homeroom_proto::v1;
use homeroom_proto::v1::course_service_client::CourseServiceClient;
use homeroom_proto::v1::learner_service_client::LearnerServiceClient;
use tonic::{Code, transport::Channel};

use crate::harness::events::{HOUR_MS, MINUTE_MS, accepted, click, client, connect, event};
use crate::harness::passivation::passivate_everyone;
use crate::harness::{Home, http};

/// An hour, ms.
const LENGTH_MS: i64 = 60 * MINUTE_MS;
/// Answers of other learners while a heavy query runs.
const OTHERS: usize = 20;

/// Publishes in requests of a size that a node takes.
async fn publish_all(client: &Client, events: Vec<v1::Event>) {
    for some in events.chunks(1_000) {
        accepted(client, some.to_vec()).await;
    }
}

/// A learner's events within one hour, each of a type of its own.
fn many_types(count: i64) -> Vec<v1::Event> {
    let one = |number: i64| {
        let at_ms = HOUR_MS + number * (LENGTH_MS - 1) / count;
        let kind = format!("type {number:05}");
        event("heavy", &number.to_string(), at_ms, &kind)
    };
    (0..count).map(one).collect()
}

/// All pages of a learner's windows.
async fn windows(
    learners: &mut LearnerServiceClient<Channel>,
    mut request: v1::ListWindowsRequest,
) -> Vec<v1::Window> {
    let mut windows = Vec::new();
    loop {
        let page = learners.list_windows(request.clone()).await;
        let page = page.expect("a page").into_inner();
        assert!(page.found);
        windows.extend(page.windows);
        if page.next_page_token.is_empty() {
            return windows;
        }
        request.page_token = page.next_page_token;
    }
}

fn of(user_id: &str, size_ms: i64, step_ms: i64) -> v1::ListWindowsRequest {
    v1::ListWindowsRequest {
        user_id: user_id.to_owned(),
        size_ms,
        step_ms,
        ..v1::ListWindowsRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn overlapping_windows_of_many_types_keep_nobody_waiting() {
    const TYPES: i64 = 6_000;
    let home = Home::new(&["--shards", "1"]);
    let node = home.start();
    let client = client(&home);
    publish_all(&client, many_types(TYPES)).await;
    let (ended, url) = (Arc::new(AtomicBool::new(false)), home.url("/healthz"));
    let mut queries = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (channel, ended) = (connect(&home).await, Arc::clone(&ended));
        queries.spawn(async move {
            let mut learners = LearnerServiceClient::new(channel);
            let mut first = None;
            while !ended.load(Ordering::Relaxed) {
                let found = windows(&mut learners, of("heavy", LENGTH_MS, 5_000)).await;
                assert_eq!(first.get_or_insert_with(|| found.clone()), &found);
            }
            first.expect("at least one round")
        });
    }
    for number in 0..OTHERS {
        let id = number.to_string();
        accepted(&client, vec![click("other", &id, HOUR_MS + number as i64)]).await;
        assert_eq!(http::get(&url).expect("an answer").0, 200);
    }
    ended.store(true, Ordering::Relaxed);
    while let Some(found) = queries.join_next().await {
        let found = found.expect("windows");
        assert_eq!(found.len(), 2 * 720 - 1);
        let whole = &found[719];
        assert_eq!((whole.start_ms, whole.events), (HOUR_MS, TYPES as u64));
        let names: Vec<&String> = whole.events_by_type.keys().collect();
        assert_eq!((names.len(), &**names[99]), (100, "type 00099"));
        let others = whole.other_event_types.expect("others");
        assert_eq!((others.types, others.events), (5_900, 5_900));
    }
    let query = format!("/v1/learners/heavy/windows?sizeMs={LENGTH_MS}&stepMs=5000&pageSize=1");
    let (status, body) = http::get(&home.url(&query)).expect("an answer");
    assert_eq!(status, 200);
    assert!(
        body.contains(r#""otherEventTypes":null"#),
        "the first window has few types"
    );
    node.stop();
}

/// A learner with 40 minutes of 70 types each, in 300 courses, all with names of 1,000 bytes.
async fn long_names(client: &Client) {
    let name = |number: i64| format!("{number:0>1000}");
    let events = (0..2_800).map(|number| v1::Event {
        course_id: name(number % 300),
        ..event(
            "long",
            &number.to_string(),
            HOUR_MS + number * 857,
            &name(number),
        )
    });
    publish_all(client, events.collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_names_make_short_pages() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    long_names(&client(&home)).await;
    // Generated clients take 4 MiB.
    let mut learners = LearnerServiceClient::new(connect(&home).await);
    let all = windows(&mut learners, of("long", MINUTE_MS, 0)).await;
    assert_eq!(all.len(), 40);
    assert_eq!(all.iter().map(|window| window.events).sum::<u64>(), 2_800);
    let request = v1::ListWindowsRequest {
        page_size: 10_000,
        ..of("long", MINUTE_MS, 0)
    };
    let page = learners.list_windows(request).await.expect("a page");
    let page = page.into_inner().windows;
    assert!((1..40).contains(&page.len()), "{}", page.len());
    let request = v1::ScanWindowsRequest::default();
    let scanned = scan(&mut learners, request).await;
    let scanned = scanned.into_iter().flat_map(|learner| learner.windows);
    assert_eq!(scanned.collect::<Vec<_>>(), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_large_profiles_says_which_are_left_out() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    long_names(&client(&home)).await;
    let mut learners = LearnerServiceClient::new(connect(&home).await);
    let request = v1::GetLearnerRequest {
        user_id: "long".to_owned(),
        ..v1::GetLearnerRequest::default()
    };
    let answer = learners.get_learner(request).await.expect("an answer");
    let profile = answer.into_inner().profile.expect("a profile");
    assert_eq!(profile.courses.len() as u64 + profile.other_courses, 300);
    let request = v1::BatchGetLearnersRequest {
        user_ids: vec!["long".to_owned(); 20],
        ..v1::BatchGetLearnersRequest::default()
    };
    let batch = learners.batch_get_learners(request).await.expect("a batch");
    let items = batch.into_inner().items;
    let codes: Vec<i32> = items.iter().map(|item| item.status_code).collect();
    assert_eq!((codes.len(), codes[0]), (20, 0));
    assert_eq!(codes[19], Code::ResourceExhausted as i32);
}

/// With ids of 1,000 bytes a roster is longer than a page.
const LEARNERS: usize = 2_100;
const COURSES: usize = 40;

fn user_id(number: usize) -> String {
    format!("{number:0>1000}")
}

/// Courses of several lengths: their records are ordered by length.
fn course_id(number: usize) -> String {
    format!("{}{number}", "c".repeat(1 + number % 5))
}

/// Everybody is in one course and in one of 40; some are active, the others passivated.
async fn enrolled(home: &Home) {
    let client = client(home);
    let enrol = |number: usize| v1::Event {
        course_id: "all".to_owned(),
        ..click(&user_id(number), "all", HOUR_MS)
    };
    let join = |number: usize| v1::Event {
        course_id: course_id(number % COURSES),
        ..click(&user_id(number), "own", HOUR_MS + 1)
    };
    let events = (0..LEARNERS).map(enrol).chain((0..LEARNERS).map(join));
    publish_all(&client, events.collect()).await;
    passivate_everyone(home, &client, HOUR_MS + 5 * MINUTE_MS).await;
    let again = (0..LEARNERS).step_by(3);
    let again = again.map(|number| click(&user_id(number), "x", HOUR_MS + 2));
    publish_all(&client, again.collect()).await;
}

/// The courses with the number of their learners, by pages of seven.
async fn listed(courses: &mut CourseServiceClient<Channel>) -> BTreeMap<String, u64> {
    let mut listed: BTreeMap<String, u64> = BTreeMap::new();
    let mut request = v1::ListCoursesRequest {
        page_size: 7,
        ..v1::ListCoursesRequest::default()
    };
    loop {
        let page = courses.list_courses(request.clone()).await;
        let page = page.expect("a page").into_inner();
        assert!(page.courses.len() <= 7);
        listed.extend(
            page.courses
                .into_iter()
                .map(|it| (it.course_id, it.learners)),
        );
        if page.next_page_token.is_empty() {
            return listed;
        }
        request.page_token = page.next_page_token;
    }
}

/// The roster of a course, by pages as large as they may be.
async fn roster(courses: &mut CourseServiceClient<Channel>, course_id: &str) -> Vec<String> {
    let mut roster: Vec<String> = Vec::new();
    let mut request = v1::GetCourseRequest {
        course_id: course_id.to_owned(),
        page_size: 10_000,
        ..v1::GetCourseRequest::default()
    };
    loop {
        let page = courses.get_course(request.clone()).await;
        let page = page.expect("a page").into_inner();
        roster.extend(page.roster.into_iter().map(|entry| entry.user_id));
        if page.next_page_token.is_empty() {
            return roster;
        }
        request.page_token = page.next_page_token;
    }
}

async fn scan(
    learners: &mut LearnerServiceClient<Channel>,
    request: v1::ScanWindowsRequest,
) -> Vec<v1::LearnerWindows> {
    let answers = learners.scan_windows(request).await;
    let mut answers = answers.expect("a scan").into_inner();
    let mut scanned = Vec::new();
    while let Some(answer) = answers.message().await.expect("an answer") {
        scanned.extend(answer.learners);
    }
    scanned
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_in_pages_are_whole_whoever_is_active() {
    let home = Home::new(&["--shards", "2"])
        .with("memory.passivate_after", "1s")
        .with("checkpoint.interval", "200ms");
    let _node = home.start();
    enrolled(&home).await;
    let mut courses = CourseServiceClient::new(connect(&home).await);
    let mut found = listed(&mut courses).await;
    found.remove("elsewhere");
    let own = |number: usize| (LEARNERS - number).div_ceil(COURSES) as u64;
    let expected = (0..COURSES).map(|number| (course_id(number), own(number)));
    let mut expected: BTreeMap<String, u64> = expected.collect();
    expected.insert("all".to_owned(), LEARNERS as u64);
    assert_eq!(found, expected);

    let everyone: Vec<String> = (0..LEARNERS).map(user_id).collect();
    assert_eq!(roster(&mut courses, "all").await, everyone);

    let mut learners = LearnerServiceClient::new(connect(&home).await);
    let request = v1::ScanWindowsRequest {
        course_id: "all".to_owned(),
        ..v1::ScanWindowsRequest::default()
    };
    let scanned = scan(&mut learners, request).await.into_iter();
    let mut scanned: Vec<String> = scanned.map(|learner| learner.user_id).collect();
    scanned.sort();
    assert_eq!(scanned, everyone);
}
