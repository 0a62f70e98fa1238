//! Watching a learner over gRPC.

use std::time::{Duration, Instant};

use homeroom_proto::v1::learner_service_client::LearnerServiceClient;
use homeroom_proto::v1::{WatchLearnerRequest, WatchLearnerResponse};
use tokio::time::timeout;
use tonic::Streaming;

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, accepted, assert_invalid, click, client};
use crate::harness::wait::PATIENCE;

const INTERVAL_MS: u32 = 200;
const CLICKS: u64 = 60;

async fn watch(
    home: &Home,
    min_interval_ms: u32,
) -> Result<Streaming<WatchLearnerResponse>, tonic::Status> {
    let mut learners = LearnerServiceClient::connect(home.endpoint())
        .await
        .expect("a connection");
    let request = WatchLearnerRequest {
        user_id: "ada".to_owned(),
        min_interval_ms,
        field_mask: None,
    };
    learners
        .watch_learner(request)
        .await
        .map(tonic::Response::into_inner)
}

async fn next(watch: &mut Streaming<WatchLearnerResponse>) -> Option<WatchLearnerResponse> {
    let answer = timeout(PATIENCE, watch.message()).await;
    answer.expect("an answer in time").expect("no error")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_sent_and_not_more_often_than_asked() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let client = client(&home);
    let begun = Instant::now();
    let mut watch = watch(&home, INTERVAL_MS).await.expect("a watch");
    let first = next(&mut watch).await.expect("the learner as of now");
    assert!(!first.found && first.profile.is_none());
    let publishing = tokio::spawn(async move {
        for number in 0..CLICKS {
            let at_ms = HOUR_MS + i64::try_from(number).expect("few") * 100;
            accepted(&client, vec![click("ada", &number.to_string(), at_ms)]).await;
        }
    });
    let (mut answers, mut events) = (1, 0);
    while events < CLICKS {
        let answer = next(&mut watch).await.expect("a watch that goes on");
        let profile = answer.profile.expect("a profile");
        assert!(
            profile.events > events,
            "each answer is news: {} after {events}",
            profile.events
        );
        events = profile.events;
        answers += 1;
    }
    publishing.await.expect("published");
    let least = Duration::from_millis(u64::from(INTERVAL_MS)) * (answers - 1);
    assert!(
        begun.elapsed() >= least,
        "{answers} answers in {:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_when_its_node_stops() {
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    accepted(&client(&home), vec![click("ada", "1", HOUR_MS)]).await;
    assert_invalid(watch(&home, 5).await, "min_interval_ms");
    let mut watch = watch(&home, 0).await.expect("a watch");
    let first = next(&mut watch).await.expect("the learner as of now");
    assert_eq!(first.profile.expect("a profile").events, 1);
    node.terminate();
    assert_eq!(next(&mut watch).await, None, "an end, not an error");
    assert!(node.wait().success());
}
