//! Poison: an event whose handling panics is contained. A drill triggers the panic.

use homeroom_client::v1::{self, DeadLetterReason, EventStatus};

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, accepted, click, client, event, profile, publish};

const DRILL: &str = "drill";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_panics_affects_no_other() {
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    let client = client(&home);
    let drill = |event_type: &str| v1::Settings {
        poison_drill_type: Some(event_type.to_owned()),
        ..v1::Settings::default()
    };
    client.update_settings(drill(DRILL)).await.expect("a drill");
    accepted(&client, vec![click("ada", "1", HOUR_MS)]).await;
    let before = profile(&client, "ada").await;

    let poison = || event("ada", "poison", HOUR_MS + 1_000, DRILL);
    let outcome = publish(&client, vec![poison()]).await.remove(0);
    assert_eq!(
        (outcome.status(), outcome.reason()),
        (EventStatus::DeadLettered, DeadLetterReason::Poison)
    );
    assert_ne!(outcome.detail, "", "a refusal says why in words");
    assert_eq!(
        profile(&client, "ada").await,
        before,
        "the learner is as before"
    );

    let mixed = vec![
        click("ada", "2", HOUR_MS + 2_000),
        event("ada", "poison too", HOUR_MS + 2_000, DRILL),
        click("bo", "1", HOUR_MS + 2_000),
        event("cleo", "poison", HOUR_MS + 2_000, DRILL),
    ];
    let statuses: Vec<EventStatus> = publish(&client, mixed)
        .await
        .iter()
        .map(v1::EventOutcome::status)
        .collect();
    let (taken, dead) = (EventStatus::Accepted, EventStatus::DeadLettered);
    assert_eq!(statuses, [taken, dead, taken, dead]);
    let before = (profile(&client, "ada").await, profile(&client, "bo").await);
    node.kill();

    // The log is applied again, including the panics.
    let _node = home.start();
    assert_eq!(
        (profile(&client, "ada").await, profile(&client, "bo").await),
        before
    );
    assert_eq!(before.0.map(|profile| profile.events), Some(2));
    assert_eq!(profile(&client, "cleo").await, None);
    let again = publish(&client, vec![poison()]).await.remove(0);
    assert_eq!(
        (again.status(), again.reason()),
        (EventStatus::Duplicate, DeadLetterReason::Poison)
    );
    let letters = home
        .cli()
        .documents(&["dead-letters", "list", "--reason", "poison"]);
    assert_eq!(letters.len(), 3, "{letters:?}");

    client
        .update_settings(drill(""))
        .await
        .expect("the drill's end");
    accepted(&client, vec![poison()]).await;
    assert_eq!(
        profile(&client, "ada").await.map(|profile| profile.events),
        Some(3)
    );
}
