//! Acknowledgements, answers and descriptions name the leadership under which they were given.

use homeroom_client::v1;

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, accepted, click, client, connect};
use crate::harness::http;
use v1::learner_service_client::LearnerServiceClient;

async fn freshness(home: &Home, position: Option<v1::PositionToken>) -> v1::Freshness {
    let mut learners = LearnerServiceClient::new(connect(home).await);
    let read = v1::ReadOptions {
        position,
        ..v1::ReadOptions::default()
    };
    let request = v1::GetLearnerRequest {
        user_id: "ada".to_owned(),
        read: Some(read),
        ..v1::GetLearnerRequest::default()
    };
    let answer = learners.get_learner(request).await.expect("an answer");
    answer.into_inner().freshness.expect("always there")
}

/// A token as builds made it that knew no terms.
fn without_terms(token: &v1::PositionToken) -> v1::PositionToken {
    let shards = token.shards.iter().map(|at| v1::ShardPosition {
        shard: at.shard,
        index: at.index,
        ..v1::ShardPosition::default()
    });
    v1::PositionToken {
        cluster_id: token.cluster_id.clone(),
        shards: shards.collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acks_and_answers_name_term_and_leader() {
    let home = Home::new(&["--shards", "1"]);
    let node = home.start();
    let publisher = client(&home);
    accepted(&publisher, vec![click("ada", "1", HOUR_MS)]).await;
    let at = publisher.position().shard(0).expect("acknowledged");
    assert!(at.term > 0 && at.leader > 0, "{at:?}");

    let described = &home.cli().json(&["cluster", "describe"])["shards"][0];
    assert_eq!(described["role"], "LEADS", "{described}");
    assert_eq!(described["leaderReplica"], at.leader, "{described}");
    assert_eq!(described["term"], at.term, "{described}");
    let node_id = described["leaderNodeId"].as_u64().expect("a number");

    let token = publisher.position().to_token().expect("acknowledged");
    let fresh = freshness(&home, Some(token.clone())).await;
    assert!(fresh.leader && fresh.bound_met, "{fresh:?}");
    let named = (fresh.term, fresh.leader_replica, fresh.leader_node_id);
    assert_eq!(named, (at.term, at.leader, node_id));
    let (_, metrics) = http::get(&home.url("/metrics")).expect("metrics");
    assert!(metrics.contains("homeroom_replica_state{shard=\"0\",state=\"leads\"} 1"));

    node.kill();
    let _node = home.start();
    let old = without_terms(&token);
    assert_ne!(old, token);
    for token in [token, old] {
        let fresh = freshness(&home, Some(token)).await;
        assert!(fresh.bound_met && fresh.leader, "{fresh:?}");
        assert!(fresh.term > at.term, "a start elects anew: {fresh:?}");
    }
    accepted(&publisher, vec![click("ada", "2", HOUR_MS)]).await;
    let later = publisher.position().shard(0).expect("acknowledged");
    assert!(later > at && later.term > at.term, "{later:?}");
}
