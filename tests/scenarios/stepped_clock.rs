//! A wall clock that is stepped while the node runs: neither refuses the present nor lets the
//! future in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use homeroom_client::v1::{self, DeadLetterReason, EventStatus, LearnerStatus};
use serde_json::Value;

use crate::harness::events::{MINUTE_MS, accepted, click, client, publish};
use crate::harness::wait::until;
use crate::harness::{Home, settings, tool};

const HOUR_S: i64 = 3_600;

fn wall_ms() -> i64 {
    settings().now_ms.expect("a wall clock")
}

/// Compiles the library that shifts a process's wall clock.
fn shim(folder: &Path) -> PathBuf {
    let library = folder.join("shifted_clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/shifted_clock.c");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library);
    tool::said(compiler.arg(source));
    library
}

/// The severity and the words of the doctor's finding about the clock.
fn finding(home: &Home) -> (String, String) {
    let output = home.cli().run(&["doctor"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let findings = document["findings"].as_array().expect("findings");
    let mut of_clock = findings
        .iter()
        .filter(|finding| finding["check"] == "clock");
    let finding = of_clock.next().expect("a finding about the clock");
    let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    (text("severity"), text("words"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stepped_wall_clock_neither_refuses_the_present_nor_lets_the_future_in() {
    if !tool::is_there("cc", "gcc") {
        return;
    }
    let home = Home::new(&["--shards", "2"]);
    let shift = home.folder().join("shift");
    let step = |seconds: i64| fs::write(&shift, seconds.to_string()).expect("a shift");
    step(0);
    let library = shim(home.folder());
    let home = home
        .with_variable("LD_PRELOAD", library.to_str().expect("a UTF-8 path"))
        .with_variable("SHIFTED_CLOCK", shift.to_str().expect("a UTF-8 path"));
    let _node = home.start();
    let client = client(&home);
    let in_class = |id: &str, at_ms: i64| v1::Event {
        course_id: "algebra".to_owned(),
        ..click("ada", id, at_ms)
    };
    accepted(&client, vec![in_class("before", wall_ms())]).await;
    let healthy = finding(&home).0;

    for (number, seconds) in [HOUR_S, -HOUR_S].into_iter().enumerate() {
        step(seconds);
        let stepped = || (finding(&home).0 != healthy).then_some(());
        until("a doctor that sees the wall clock elsewhere", stepped);
        let present = in_class(&format!("present {number}"), wall_ms());
        accepted(&client, vec![present]).await;
        let future = in_class(&format!("future {number}"), wall_ms() + 30 * MINUTE_MS);
        let outcome = publish(&client, vec![future]).await.remove(0);
        assert_eq!(
            (outcome.status(), outcome.reason()),
            (EventStatus::DeadLettered, DeadLetterReason::FutureTimestamp),
            "a wall clock that is {seconds} s off"
        );
        let request = v1::GetCourseRequest {
            course_id: "algebra".to_owned(),
            ..v1::GetCourseRequest::default()
        };
        let course = client.get_course(request).await.expect("a course");
        let statuses: Vec<LearnerStatus> = course.roster.iter().map(|it| it.status()).collect();
        assert_eq!(statuses, [LearnerStatus::Active], "nobody has gone away");
    }
    step(0);
    let (severity, words) = finding(&home);
    assert_eq!(severity, healthy, "{words}");
}
