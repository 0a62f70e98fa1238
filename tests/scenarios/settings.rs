//! Settings: bounded, and in force on every shard, whoever waits for them.

use std::time::Duration;

use homeroom_client::v1::{
    self, AuthoritativeSources, EventStatus, cluster_service_client::ClusterServiceClient,
};
use tonic::Code;

use crate::harness::events::{HOUR_MS, accepted, assert_invalid, click, client, connect, publish};
use crate::harness::{Home, Seed};

/// Learners for whose events every shard is asked.
const LEARNERS: usize = 400;

fn with_source(name: String) -> v1::UpdateSettingsRequest {
    let policy = v1::SourcePolicy {
        ordered: Some(true),
        ..v1::SourcePolicy::default()
    };
    let settings = v1::Settings {
        sources: [(name, policy)].into(),
        ..v1::Settings::default()
    };
    v1::UpdateSettingsRequest {
        settings: Some(settings),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_and_the_node_goes_on() {
    let home = Home::new(&["--shards", "1"]).with("checkpoint.interval", "100ms");
    let node = home.start();
    let client = client(&home);
    let mut service = ClusterServiceClient::new(connect(&home).await);
    let before = client.settings().await.expect("settings");
    for number in 0..5 {
        let name = format!("n{number}{}", "x".repeat(3_500_000));
        let refused = service.update_settings(with_source(name)).await;
        assert_eq!(refused.expect_err("too large").code(), Code::OutOfRange);
        accepted(&client, vec![click("ada", &format!("{number}"), HOUR_MS)]).await;
    }
    for name in ["x".repeat(1_025), String::new(), "a\u{1b}[2J".to_owned()] {
        let refused = service.update_settings(with_source(name)).await;
        assert_invalid(refused, "settings");
    }
    // Each within its bound, and all together beyond that of the whole.
    let mut refused = None;
    for number in 0..400 {
        let name = format!("{number:01024}");
        if let Err(status) = service.update_settings(with_source(name)).await {
            refused = Some((number, status));
            break;
        }
    }
    let (fitted, status) = refused.expect("a bound of all settings");
    assert!((200..256).contains(&fitted), "{fitted}");
    assert_invalid(Err::<(), _>(status), "settings");
    // What is there can go, and then others fit.
    let removal = v1::Settings {
        sources: [(format!("{:01024}", 0), v1::SourcePolicy::default())].into(),
        ..v1::Settings::default()
    };
    client.update_settings(removal).await.expect("a removal");
    let fits = service
        .update_settings(with_source("y".repeat(1_024)))
        .await;
    let now = fits.expect("room").into_inner().settings.expect("settings");
    assert_eq!(now.sources.len(), fitted);
    assert!(now.version > before.version);
    node.kill();

    let _node = home.start();
    assert_eq!(client.settings().await.expect("settings"), now);
    accepted(&client, vec![click("ada", "after", HOUR_MS)]).await;
}

/// Publishes an event for each of many learners until those of all shards are shadowed.
async fn until_shadowed(client: &homeroom_client::Client, round: usize) {
    let deadline = tokio::time::Instant::now() + crate::harness::wait::PATIENCE;
    for attempt in 0.. {
        let event = |learner| {
            let (user, id) = (format!("learner-{learner}"), format!("{round}.{attempt}"));
            v1::Event {
                event_type: format!("kind-{round}"),
                ..click(&user, &id, HOUR_MS)
            }
        };
        let outcomes = publish(client, (0..LEARNERS).map(event).collect()).await;
        let mut statuses = outcomes.iter().map(v1::EventOutcome::status);
        if statuses.all(|status| status == EventStatus::Shadowed) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "some shards keep the old settings"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_reaches_every_shard_though_its_caller_goes_away() {
    let seed = Seed::of("settings::a_change_reaches_every_shard_though_its_caller_goes_away");
    let mut rng = seed.rng();
    let home = Home::new(&["--shards", "64"]);
    let _node = home.start();
    let client = client(&home);
    for round in 0..6 {
        let of_nobody_here = AuthoritativeSources {
            sources: vec!["sis".to_owned()],
        };
        let change = v1::Settings {
            authority: [(format!("kind-{round}"), of_nobody_here)].into(),
            ..v1::Settings::default()
        };
        let version = client.settings().await.expect("settings").version;
        let caller = {
            let client = client.clone();
            tokio::spawn(async move { client.update_settings(change).await })
        };
        // As soon as the control plane has the change, or a little later, the caller is gone.
        while client.settings().await.expect("settings").version == version {}
        tokio::time::sleep(Duration::from_micros(rng.u64(..3_000))).await;
        caller.abort();
        until_shadowed(&client, round).await;
    }
}
