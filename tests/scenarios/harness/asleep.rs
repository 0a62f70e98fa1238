//! Learners who leave the memory.

use homeroom_client::{Client, v1};

use super::events::{accepted, click};
use super::home::Home;
use super::wait::until;

/// Whose events push the watermarks of all shards on: with so many, practically certainly.
const PUSHERS: u64 = 64;

/// Everyone leaves the memory, but for those who push the watermark on to a time, ms.
pub async fn everyone_falls_asleep(home: &Home, client: &Client, from_ms: i64) {
    let pushers = (0..PUSHERS).map(|number| v1::Event {
        course_id: "elsewhere".to_owned(),
        ..click(&format!("pusher-{number}"), &from_ms.to_string(), from_ms)
    });
    accepted(client, pushers.collect()).await;
    let cli = home.cli();
    until("learners that left the memory", || {
        let cluster = cli.json(&["cluster", "describe"]);
        let shards = cluster["shards"].as_array().expect("shards");
        let active: u64 = shards
            .iter()
            .filter_map(|shard| shard["activeLearners"].as_u64())
            .sum();
        (active <= PUSHERS).then_some(())
    });
}
