//! Events for a window that is already settled: amended or refused, as the policy says.

use homeroom_client::Client;
use homeroom_client::v1::{DeadLetterReason, EventStatus, Window, WindowState};

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, MINUTE_MS, accepted, click, client, minutes, publish};

/// A click in the first minute, which is settled long before.
async fn settled_minute(client: &Client) {
    accepted(client, vec![click("ada", "1", HOUR_MS)]).await;
    accepted(client, vec![click("ada", "2", HOUR_MS + 10 * MINUTE_MS)]).await;
    let first = first_minute(client).await;
    assert_eq!(
        (first.state(), first.clicks),
        (WindowState::Settled, 1),
        "{first:?}"
    );
}

async fn first_minute(client: &Client) -> Window {
    let mut windows = minutes(client, "ada").await;
    assert_eq!(windows[0].start_ms, HOUR_MS);
    windows.swap_remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settled_window_is_amended() {
    let home = Home::new(&["--shards", "1"]);
    let node = home.start();
    let client = client(&home);
    settled_minute(&client).await;
    let before = first_minute(&client).await.revision;
    accepted(&client, vec![click("ada", "late", HOUR_MS + 1_000)]).await;
    let amended = first_minute(&client).await;
    assert_eq!(
        (amended.state(), amended.clicks, amended.revision),
        (WindowState::Amended, 2, before + 1)
    );
    node.kill();
    let _node = home.start();
    assert_eq!(
        first_minute(&client).await,
        amended,
        "a kill changes nothing of it"
    );
    let summary = home.cli().json(&["dead-letters", "summary"]);
    assert_eq!(summary["sources"][0]["amended"], 1, "{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_event_is_refused_where_the_policy_says_so() {
    let home = Home::new(&["--shards", "1"]).with("founding.late_policy", "dead_letter");
    let node = home.start();
    let client = client(&home);
    settled_minute(&client).await;
    let before = first_minute(&client).await;
    let late = || vec![click("ada", "late", HOUR_MS + 1_000)];
    let outcome = publish(&client, late()).await.remove(0);
    assert_eq!(
        (outcome.status(), outcome.reason()),
        (EventStatus::DeadLettered, DeadLetterReason::Late)
    );
    assert_ne!(outcome.detail, "", "a refusal says why in words");
    assert_eq!(first_minute(&client).await, before);
    node.kill();
    let _node = home.start();
    let again = publish(&client, late()).await.remove(0);
    assert_eq!(
        (again.status(), again.reason()),
        (EventStatus::Duplicate, DeadLetterReason::Late)
    );
    let letters = home
        .cli()
        .documents(&["dead-letters", "list", "--reason", "late"]);
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&letters[0]["userId"], &letters[0]["source"]),
        (&"ada".into(), &"lms".into())
    );
    assert_ne!(letters[0]["detail"], "", "{}", letters[0]);

    home.cli().json(&["settings", "set", "late-policy=amend"]);
    accepted(&client, late()).await;
    assert_eq!(
        first_minute(&client).await.clicks,
        2,
        "refused before, it claimed no identity"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_retention_is_refused() {
    let home = Home::new(&["--shards", "1", "--retention", "1h"]);
    let _node = home.start();
    let client = client(&home);
    accepted(
        &client,
        vec![
            click("ada", "1", HOUR_MS),
            click("ada", "2", HOUR_MS + 30 * MINUTE_MS),
        ],
    )
    .await;
    accepted(&client, vec![click("ada", "3", HOUR_MS + 90 * MINUTE_MS)]).await;
    let outcome = publish(&client, vec![click("ada", "4", HOUR_MS + 5 * MINUTE_MS)])
        .await
        .remove(0);
    assert_eq!(
        (outcome.status(), outcome.reason()),
        (EventStatus::DeadLettered, DeadLetterReason::BeyondRetention)
    );
    assert_ne!(outcome.detail, "", "a refusal says why in words");
    let starts: Vec<i64> = minutes(&client, "ada")
        .await
        .iter()
        .map(|window| (window.start_ms - HOUR_MS) / MINUTE_MS)
        .collect();
    assert_eq!(
        starts,
        [30, 90],
        "windows that begin before the floor are gone"
    );
}
