//! A stock gRPC client that knows only the address reads the contract by reflection.

use std::process::Command;

use crate::harness::events::{client, profile};
use crate::harness::{Home, tool};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stock_client.py");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_client_publishes_and_reads_by_reflection() {
    if !tool::python_has_grpc() {
        return;
    }
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let address = home.endpoint().replace("http://", "");
    let output = Command::new("python3")
        .arg(SCRIPT)
        .arg(address)
        .output()
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a JSON answer");
    assert_eq!(
        answer["outcomes"],
        serde_json::json!(["EVENT_STATUS_ACCEPTED"]),
        "{answer}"
    );
    assert_eq!(answer["profile"]["userId"], "élève-1", "{answer}");
    let seen = profile(&client(&home), "élève-1").await.expect("a profile");
    assert_eq!(
        answer["profile"]["events"],
        seen.events.to_string(),
        "64-bit numbers are strings in protobuf's JSON"
    );
}
