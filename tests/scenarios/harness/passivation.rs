//! Passivates learners.

use homeroom_client::{Client, v1};

use super::events::{accepted, click};
use super::home::Home;
use super::wait::until;

/// Learners whose events advance the watermarks. 64 are almost certain to reach every shard.
const PUSHERS: u64 = 64;

/// Waits until all learners are passivated except those whose events advance the watermark to
/// `from_ms`, Unix time in ms.
pub async fn passivate_everyone(home: &Home, client: &Client, from_ms: i64) {
    let pushers = (0..PUSHERS).map(|number| v1::Event {
        course_id: "elsewhere".to_owned(),
        ..click(&format!("pusher-{number}"), &from_ms.to_string(), from_ms)
    });
    accepted(client, pushers.collect()).await;
    let cli = home.cli();
    until("passivated learners", || {
        let cluster = cli.json(&["cluster", "describe"]);
        let shards = cluster["shards"].as_array().expect("shards");
        let active: u64 = shards
            .iter()
            .filter_map(|shard| shard["activeLearners"].as_u64())
            .sum();
        (active <= PUSHERS).then_some(())
    });
}
