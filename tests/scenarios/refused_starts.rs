//! A node that can't start prints one plain line with the reason, and changes nothing on disk.

use std::process::Output;

use crate::harness::events::{HOUR_MS, accepted, click, client, profile};
use crate::harness::{Home, Process, http, until_ready};

/// Starts a node that must fail. Returns its standard error without colours.
fn refused(home: &Home, name: &str, flags: &[&str]) -> String {
    let mut process = home.spawn(name, flags);
    let status = process.wait();
    assert_eq!(status.code(), Some(1), "{}", process.stderr());
    complaint(&process)
}

/// The one line with the reason.
fn complaint(process: &Process) -> String {
    let said = process.stderr();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(lines.len(), 1, "one line says it: {said}");
    assert!(!said.contains("panicked"), "{said}");
    lines[0].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_founded_stays() {
    let home = Home::new(&[]);
    let mut founding = home.spawn("founding", &["--shards", "2", "--retention", "10d"]);
    until_ready(&home);
    let client = client(&home);
    accepted(&client, vec![click("ada", "1", HOUR_MS)]).await;
    founding.terminate();
    assert!(founding.wait().success());

    let shards = refused(&home, "shards", &["--shards", "4"]);
    assert!(
        shards.contains("shards = 4, but this cluster was founded with 2"),
        "{shards}"
    );
    let retention = refused(&home, "retention", &["--retention", "5d"]);
    assert!(
        retention.contains("retention = 5days, but this cluster was founded with 10days"),
        "{retention}"
    );
    assert!(
        retention.contains("homeroom settings set retention"),
        "{retention}"
    );

    let node = home.start();
    assert_eq!(
        profile(&client, "ada").await.map(|profile| profile.events),
        Some(1)
    );
    assert!(node.stop().success());
    let same = home.spawn("same", &["--shards", "2", "--retention", "10d"]);
    until_ready(&home);
    drop(same);
}

#[test]
fn a_folder_has_one_node() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let other = Home::new(&["--shards", "1"]).in_the_folder_of(&home);
    let said = refused(&other, "second", &[]);
    assert!(said.contains("in use"), "{said}");
    let (status, _) = http::get(&home.url("/readyz")).expect("the first one goes on");
    assert_eq!(status, 200);
}

#[test]
fn an_address_has_one_node() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let other = Home::new(&["--shards", "1"]).at_the_addresses_of(&home);
    let said = refused(&other, "second", &[]);
    assert!(
        said.contains("listen.grpc") && said.contains("can't be listened on"),
        "{said}"
    );
}

#[test]
fn a_folder_without_identity_is_not_taken_for_an_empty_one() {
    let home = Home::new(&["--shards", "1"]);
    assert!(home.start().stop().success());
    std::fs::remove_file(home.data().join("identity.json")).expect("an identity to lose");
    let said = refused(&home, "orphan", &[]);
    assert!(said.contains("identity.json"), "{said}");
}

#[test]
fn all_faults_are_reported_at_once() {
    let home = Home::new(&["--shards", "0", "--retention", "soon"])
        .with("checkpoint.interval", "1ms")
        .with("ingest.lingr", "1ms");
    let Output {
        status,
        stdout,
        stderr,
    } = home.command("check-config").output().expect("an answer");
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(stdout.is_empty());
    for (fault, origin) in [
        ("node.shards", "--shards"),
        ("founding.retention", "--retention"),
        ("checkpoint.interval", "HOMEROOM__CHECKPOINT__INTERVAL"),
        ("ingest.lingr", "HOMEROOM__INGEST__LINGR"),
    ] {
        assert!(
            said.contains(fault) && said.contains(origin),
            "{fault} from {origin}: {said}"
        );
    }
    let sound = Home::new(&["--shards", "3"]);
    let Output { status, stdout, .. } = sound.command("check-config").output().expect("an answer");
    assert!(status.success());
    assert!(String::from_utf8_lossy(&stdout).contains("shards = 3"));
    assert!(!sound.data().exists(), "checking creates nothing");
}
