//! Listing windows over gRPC: pages, bounds, courses, sizes, and changes since a time.

use homeroom_client::Client;
use homeroom_proto::v1::learner_service_client::LearnerServiceClient;
use homeroom_proto::v1::{self, ListWindowsRequest};
use tonic::transport::Channel;

use crate::harness::events::{
    HOUR_MS, MINUTE_MS, accepted, assert_invalid, click, client, event, publish,
};
use crate::harness::{Home, Node};

const MINUTES: i64 = 10;

/// A learner with a click in each of ten minutes, in two courses alternately.
async fn ten_minutes(home: &Home) -> (Node, Client, LearnerServiceClient<Channel>) {
    let node = home.start();
    let client = client(home);
    let in_course = |minute: i64| v1::Event {
        course_id: ["a", "b"][usize::from(minute % 2 != 0)].to_owned(),
        ..click("ada", &minute.to_string(), HOUR_MS + minute * MINUTE_MS)
    };
    accepted(&client, (0..MINUTES).map(in_course).collect()).await;
    let learners = LearnerServiceClient::connect(home.endpoint()).await;
    (node, client, learners.expect("a connection"))
}

fn of_ada() -> ListWindowsRequest {
    // A read sees what was just written, from any client.
    let read = v1::ReadOptions {
        consistency: v1::Consistency::Linearizable.into(),
        ..v1::ReadOptions::default()
    };
    ListWindowsRequest {
        user_id: "ada".to_owned(),
        read: Some(read),
        ..ListWindowsRequest::default()
    }
}

async fn list(
    learners: &mut LearnerServiceClient<Channel>,
    request: ListWindowsRequest,
) -> Vec<v1::Window> {
    let answer = learners
        .list_windows(request)
        .await
        .expect("windows")
        .into_inner();
    assert!(answer.found && answer.freshness.is_some());
    assert_eq!(answer.next_page_token, "");
    answer.windows
}

fn starts(windows: &[v1::Window]) -> Vec<i64> {
    windows
        .iter()
        .map(|window| (window.start_ms - HOUR_MS) / MINUTE_MS)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_make_the_whole() {
    let home = Home::new(&["--shards", "2"]);
    let (_node, _client, mut learners) = ten_minutes(&home).await;
    let all = list(&mut learners, of_ada()).await;
    assert_eq!(starts(&all), (0..MINUTES).collect::<Vec<_>>());
    let mut paged = Vec::new();
    let mut request = ListWindowsRequest {
        page_size: 3,
        ..of_ada()
    };
    loop {
        let page = learners
            .list_windows(request.clone())
            .await
            .expect("a page")
            .into_inner();
        assert!(page.windows.len() <= 3);
        paged.extend(page.windows);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(paged, all);
    let page_token = "not from here".to_owned();
    assert_invalid(
        learners
            .list_windows(ListWindowsRequest {
                page_token,
                ..of_ada()
            })
            .await,
        "page_token",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_and_courses_choose() {
    let home = Home::new(&["--shards", "2"]);
    let (_node, _client, mut learners) = ten_minutes(&home).await;
    let between = ListWindowsRequest {
        from_ms: Some(HOUR_MS + 2 * MINUTE_MS),
        to_ms: Some(HOUR_MS + 5 * MINUTE_MS),
        ..of_ada()
    };
    assert_eq!(starts(&list(&mut learners, between).await), [2, 3, 4]);
    let in_course = |course: &str| ListWindowsRequest {
        course_id: course.to_owned(),
        ..of_ada()
    };
    let odd = list(&mut learners, in_course("b")).await;
    assert_eq!(starts(&odd), [1, 3, 5, 7, 9]);
    assert!(odd.iter().all(|window| window.clicks == 1));
    assert!(list(&mut learners, in_course("elsewhere")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_multiple_of_a_pane_is_a_size() {
    let home = Home::new(&["--shards", "2"]);
    let (_node, _client, mut learners) = ten_minutes(&home).await;
    let shaped = |size_ms, step_ms| ListWindowsRequest {
        size_ms,
        step_ms,
        ..of_ada()
    };
    let hour = list(&mut learners, shaped(60 * MINUTE_MS, 0)).await;
    assert_eq!(
        (hour.len(), hour[0].clicks, hour[0].end_ms),
        (1, 10, HOUR_MS + 60 * MINUTE_MS)
    );
    // A click on a minute's first moment is in six half minutes: their starts are the 30 s up to
    // it, in steps of 5 s.
    let sliding = list(&mut learners, shaped(30_000, 5_000)).await;
    assert_eq!(sliding.len(), 60);
    assert!(
        sliding
            .iter()
            .all(|window| window.clicks == 1 && window.end_ms - window.start_ms == 30_000)
    );
    for (size_ms, step_ms, field) in [
        (7_000, 0, "size_ms"),
        (-60_000, 0, "size_ms"),
        (i64::MAX, 0, "size_ms"),
        (60_000, 7_000, "step_ms"),
        (60_000, 25_000, "step_ms"),
        (60_000, 120_000, "step_ms"),
        (60_000, -5_000, "step_ms"),
    ] {
        assert_invalid(learners.list_windows(shaped(size_ms, step_ms)).await, field);
        let scan = v1::ScanWindowsRequest {
            size_ms,
            step_ms,
            ..v1::ScanWindowsRequest::default()
        };
        assert_invalid(learners.scan_windows(scan).await.map(drop), field);
    }
}

/// The log time of a shard, ms: that of a refusal written now.
async fn log_time_ms(client: &Client) -> i64 {
    publish(
        client,
        vec![event(
            "ada",
            &fastrand::u64(..).to_string(),
            HOUR_MS,
            "quiz_submitted",
        )],
    )
    .await;
    let newest = v1::ListRequest {
        page_size: 1,
        ..v1::ListRequest::default()
    };
    let letters = client
        .list_dead_letters(newest)
        .await
        .expect("dead letters")
        .dead_letters;
    letters[0].refused_ms
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_since_are_by_log_time() {
    let home = Home::new(&["--shards", "1"]);
    let (_node, client, mut learners) = ten_minutes(&home).await;
    let since_ms = log_time_ms(&client).await;
    // Until the log's clock has advanced.
    while log_time_ms(&client).await == since_ms {}
    let changed = || ListWindowsRequest {
        changed_since_ms: Some(since_ms),
        ..of_ada()
    };
    assert!(list(&mut learners, changed()).await.is_empty());
    accepted(
        &client,
        vec![click("ada", "again", HOUR_MS + 3 * MINUTE_MS + 7_000)],
    )
    .await;
    assert_eq!(starts(&list(&mut learners, changed()).await), [3]);
    let scan = v1::ScanWindowsRequest {
        changed_since_ms: Some(since_ms),
        ..v1::ScanWindowsRequest::default()
    };
    let mut scan = learners
        .scan_windows(scan)
        .await
        .expect("a scan")
        .into_inner();
    let mut scanned = Vec::new();
    while let Some(part) = scan.message().await.expect("a part") {
        scanned.extend(
            part.learners
                .into_iter()
                .flat_map(|learner| learner.windows),
        );
    }
    assert_eq!(starts(&scanned), [3]);
}
