//! Reading learners over gRPC: the answer's fields and its freshness.

use homeroom_proto::v1::learner_service_client::LearnerServiceClient;
use homeroom_proto::v1::{self, Consistency, OnStale};
use prost_types::FieldMask;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::harness::events::{HOUR_MS, accepted, assert_invalid, click, client, quiz};
use crate::harness::{Home, Node};

/// The largest index of a position: no test writes that much.
const FAR_AHEAD: u64 = 1 << 40;

async fn start(home: &Home) -> (Node, LearnerServiceClient<Channel>) {
    let node = home.start();
    let learners = LearnerServiceClient::connect(home.endpoint()).await;
    (node, learners.expect("a connection"))
}

fn get(user_id: &str, read: v1::ReadOptions) -> v1::GetLearnerRequest {
    v1::GetLearnerRequest {
        user_id: user_id.to_owned(),
        read: Some(read),
        field_mask: None,
    }
}

fn consistency(consistency: Consistency) -> v1::ReadOptions {
    v1::ReadOptions {
        consistency: consistency.into(),
        ..v1::ReadOptions::default()
    }
}

fn session(position: v1::PositionToken) -> v1::ReadOptions {
    v1::ReadOptions {
        position: Some(position),
        ..consistency(Consistency::Session)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_learner_is_an_answer() {
    let home = Home::new(&["--shards", "2"]);
    let (_node, mut learners) = start(&home).await;
    let request = get("stranger", v1::ReadOptions::default());
    let answer = learners
        .get_learner(request)
        .await
        .expect("an answer")
        .into_inner();
    assert!(!answer.found && answer.profile.is_none());
    let freshness = answer.freshness.expect("how current that is");
    assert!(freshness.bound_met && freshness.leader, "{freshness:?}");
    assert_eq!(freshness.watermark_ms, None, "no event was there yet");
    let empty = learners
        .get_learner(get("", v1::ReadOptions::default()))
        .await;
    assert_invalid(empty, "user_id");
    let windows = v1::ListWindowsRequest {
        user_id: "stranger".to_owned(),
        ..v1::ListWindowsRequest::default()
    };
    let windows = learners
        .list_windows(windows)
        .await
        .expect("an answer")
        .into_inner();
    assert!(!windows.found && windows.windows.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_seen_by_the_reads_that_promise_it() {
    let home = Home::new(&["--shards", "4"]);
    let (_node, mut learners) = start(&home).await;
    for number in 0..30_u64 {
        let at_ms = HOUR_MS + i64::try_from(number).expect("few") * 1_000;
        // A new client each time, which knows only its own position.
        let client = client(&home);
        accepted(&client, vec![click("ada", &number.to_string(), at_ms)]).await;
        let token = client.position().to_token().expect("a position");
        for read in [consistency(Consistency::Linearizable), session(token)] {
            let answer = learners
                .get_learner(get("ada", read))
                .await
                .expect("an answer")
                .into_inner();
            assert_eq!(answer.profile.expect("a profile").events, number + 1);
            assert!(answer.freshness.expect("freshness").bound_met);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_says_how_current_it_is() {
    let home = Home::new(&["--shards", "1"]);
    let (_node, mut learners) = start(&home).await;
    let client = client(&home);
    accepted(&client, vec![click("ada", "1", HOUR_MS)]).await;
    let token = client.position().to_token().expect("a position");
    let bounded = v1::ReadOptions {
        max_staleness_ms: 250,
        ..consistency(Consistency::Bounded)
    };
    for read in [
        bounded,
        consistency(Consistency::Any),
        v1::ReadOptions::default(),
    ] {
        let answer = learners
            .get_learner(get("ada", read))
            .await
            .expect("an answer")
            .into_inner();
        let freshness = answer.freshness.expect("freshness");
        assert!(
            freshness.bound_met && freshness.leader && freshness.term > 0,
            "{freshness:?}"
        );
        assert!(freshness.staleness_ms <= 250, "{freshness:?}");
        assert!(
            freshness.applied_index >= token.shards[0].index,
            "{freshness:?}"
        );
        assert_eq!(
            freshness.watermark_ms,
            Some(HOUR_MS - 10_000),
            "a source's delay behind its newest event"
        );
        let source = &freshness.sources[0];
        assert_eq!(
            (source.source.as_str(), source.newest_event_ms),
            ("lms", Some(HOUR_MS))
        );
        assert!(!source.idle && !source.lagging, "{source:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_met_is_said_or_refused() {
    let home = Home::new(&["--shards", "1"]);
    let (_node, mut learners) = start(&home).await;
    let client = client(&home);
    accepted(&client, vec![click("ada", "1", HOUR_MS)]).await;
    let mut token = client.position().to_token().expect("a position");
    token.shards[0].index = FAR_AHEAD;
    let answer = learners
        .get_learner(get("ada", session(token.clone())))
        .await
        .expect("an answer")
        .into_inner();
    assert!(answer.found && !answer.freshness.expect("freshness").bound_met);
    let failing = v1::ReadOptions {
        on_stale: OnStale::Fail.into(),
        ..session(token.clone())
    };
    let refused = learners
        .get_learner(get("ada", failing))
        .await
        .expect_err("a refusal");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(
        refused.get_details_retry_info().is_some() && refused.get_details_error_info().is_some()
    );

    token.cluster_id = "another".to_owned();
    assert_invalid(
        learners.get_learner(get("ada", session(token))).await,
        "read.position",
    );
    let without = learners
        .get_learner(get("ada", consistency(Consistency::Session)))
        .await;
    assert_invalid(without, "read.position");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_a_status_for_each_learner() {
    let home = Home::new(&["--shards", "4"]);
    let (_node, mut learners) = start(&home).await;
    let known: Vec<String> = (0..40).map(|number| format!("learner-{number}")).collect();
    let events = known
        .iter()
        .map(|user_id| click(user_id, "1", HOUR_MS))
        .collect();
    accepted(&client(&home), events).await;
    let mut user_ids = known.clone();
    user_ids.extend(["stranger".to_owned(), String::new(), known[0].clone()]);
    let batch = |user_ids: Vec<String>| v1::BatchGetLearnersRequest {
        user_ids,
        read: Some(consistency(Consistency::Linearizable)),
        field_mask: None,
    };
    let answer = learners
        .batch_get_learners(batch(user_ids.clone()))
        .await
        .expect("an answer")
        .into_inner();
    let order: Vec<&String> = answer.items.iter().map(|item| &item.user_id).collect();
    assert_eq!(order, user_ids.iter().collect::<Vec<_>>());
    for item in &answer.items {
        let (found, code) = match item.user_id.as_str() {
            "stranger" => (false, Code::Ok),
            "" => (false, Code::InvalidArgument),
            _ => (true, Code::Ok),
        };
        assert_eq!(
            (item.found, item.status_code),
            (found, code.into()),
            "{item:?}"
        );
        assert_eq!(
            item.profile.as_ref().map(|profile| profile.user_id.clone()),
            found.then(|| item.user_id.clone())
        );
        assert_eq!(item.freshness.is_some(), code == Code::Ok);
    }
    let too_many = learners
        .batch_get_learners(batch(vec!["ada".to_owned(); 1_001]))
        .await;
    assert_invalid(too_many, "user_ids");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mask_leaves_out_what_is_not_asked_for() {
    let home = Home::new(&["--shards", "1"]);
    let (_node, mut learners) = start(&home).await;
    let client = client(&home);
    accepted(
        &client,
        vec![click("ada", "1", HOUR_MS), quiz("ada", "2", HOUR_MS + 1)],
    )
    .await;
    let masked = |paths: &[&str]| v1::GetLearnerRequest {
        field_mask: Some(FieldMask {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        }),
        ..get("ada", consistency(Consistency::Linearizable))
    };
    let whole = learners
        .get_learner(masked(&[]))
        .await
        .expect("an answer")
        .into_inner()
        .profile;
    let whole = whole.expect("a profile");
    assert_eq!(
        (whole.last_interactions.len(), whole.last_assessments.len()),
        (1, 1)
    );
    let some = learners
        .get_learner(masked(&["session", "accuracy"]))
        .await
        .expect("an answer")
        .into_inner();
    let expected = v1::LearnerProfile {
        session: whole.session.clone(),
        accuracy: whole.accuracy,
        ..v1::LearnerProfile::default()
    };
    assert_eq!(some.profile, Some(expected));
    assert_invalid(
        learners
            .get_learner(masked(&["session", "shoe_size"]))
            .await,
        "field_mask",
    );
}
