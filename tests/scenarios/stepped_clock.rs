//! A wall clock that is stepped while the node runs: neither refuses the present nor lets the
//! future in. One that was behind is caught up with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use homeroom_client::Client;
use homeroom_client::v1::{self, DeadLetterReason, EventStatus, LearnerStatus};
use serde_json::Value;

use crate::harness::events::{MINUTE_MS, accepted, click, client, publish};
use crate::harness::wait::{until, within};
use crate::harness::{Home, settings, tool};

const HOUR_S: i64 = 3_600;
const MINUTE_S: i64 = 60;
/// For so long a wall clock is off and nothing happens.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);
/// A wall clock that was behind by an hour is caught up with within this time.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(600);

fn wall_ms() -> i64 {
    settings().now_ms.expect("a wall clock")
}

/// A home whose nodes have a wall clock that can be set.
struct StepHome {
    home: Home,
    shift: PathBuf,
}

impl StepHome {
    /// `None` without a compiler. The wall clock is off by `seconds`.
    fn new(seconds: i64) -> Option<StepHome> {
        if !tool::is_there("cc", "gcc") {
            return None;
        }
        let home = Home::new(&["--shards", "2"]);
        let shift = home.folder().join("shift");
        let library = shim(home.folder());
        let home = home
            .with_variable("LD_PRELOAD", library.to_str().expect("a UTF-8 path"))
            .with_variable("SHIFTED_CLOCK", shift.to_str().expect("a UTF-8 path"));
        let home = StepHome { home, shift };
        home.step(seconds);
        Some(home)
    }

    /// Sets the wall clock off by `seconds`.
    fn step(&self, seconds: i64) {
        fs::write(&self.shift, seconds.to_string()).expect("a shift");
    }

    /// The severity and the words of the doctor's finding about the clock.
    fn finding(&self) -> (String, String) {
        let output = self.home.cli().run(&["doctor"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
        let findings = document["findings"].as_array().expect("findings");
        let mut of_clock = findings
            .iter()
            .filter(|finding| finding["check"] == "clock");
        let finding = of_clock.next().expect("a finding about the clock");
        let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        (text("severity"), text("words"))
    }

    /// Waits until the doctor says of the clock what contains `words`.
    fn says(&self, words: &str, limit: Duration) {
        let said = within(limit, || self.finding().1.contains(words).then_some(()));
        said.unwrap_or_else(|| panic!("no doctor says {words:?}, but {:?}", self.finding()));
    }
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

/// A click in a class.
fn in_class(id: &str, at_ms: i64) -> v1::Event {
    v1::Event {
        course_id: "algebra".to_owned(),
        ..click("ada", id, at_ms)
    }
}

/// Publishes an event of the present and one of the future. Returns whether the first is accepted;
/// the second never is.
async fn takes_the_present(client: &Client, number: u64) -> bool {
    let present = in_class(&format!("present {number}"), wall_ms());
    let future = in_class(&format!("future {number}"), wall_ms() + 30 * MINUTE_MS);
    let outcomes = publish(client, vec![present, future]).await;
    let of_the_future = (EventStatus::DeadLettered, DeadLetterReason::FutureTimestamp);
    let verdicts = outcomes.iter().map(|it| (it.status(), it.reason()));
    let verdicts: Vec<_> = verdicts.collect();
    assert_eq!(verdicts[1], of_the_future);
    if verdicts[0].0 != EventStatus::Accepted {
        assert_eq!(verdicts[0], of_the_future);
    }
    verdicts[0].0 == EventStatus::Accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stepped_wall_clock_neither_refuses_the_present_nor_lets_the_future_in() {
    let Some(home) = StepHome::new(0) else {
        return;
    };
    let _node = home.home.start();
    let client = client(&home.home);
    accepted(&client, vec![in_class("before", wall_ms())]).await;
    let healthy = home.finding().0;
    let mut number = 0;
    for (seconds, words) in [
        (HOUR_S, "ahead of log time, which is kept"),
        (-HOUR_S, "behind log time, which is kept"),
    ] {
        home.step(seconds);
        let stepped = Instant::now();
        let seen = || home.finding().1.contains(words).then_some(());
        until("a doctor that says which way the wall clock is off", seen);
        while stepped.elapsed() < HALF_A_MINUTE {
            number += 1;
            let is_taken = takes_the_present(&client, number).await;
            assert!(is_taken, "a wall clock that is {seconds} s off");
            let request = v1::GetCourseRequest {
                course_id: "algebra".to_owned(),
                ..v1::GetCourseRequest::default()
            };
            let course = client.get_course(request).await.expect("a course");
            let statuses: Vec<LearnerStatus> = course.roster.iter().map(|it| it.status()).collect();
            assert_eq!(statuses, [LearnerStatus::Active], "still in class");
            let (_, found) = home.finding();
            assert!(found.contains(words), "{found}");
        }
        home.step(0);
        let (severity, words) = home.finding();
        assert_eq!(severity, healthy, "{words}");
    }
    assert!(takes_the_present(&client, 0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_that_was_behind_is_caught_up_with() {
    // An hour takes eight minutes, five minutes a minute and a half.
    let Some(home) = StepHome::new(-5 * MINUTE_S) else {
        return;
    };
    let node = home.home.start();
    let client = client(&home.home);
    let healthy = home.finding().0;
    assert!(!takes_the_present(&client, 0).await);
    home.step(0);
    let corrected = Instant::now();
    home.says("ahead of log time, which is kept", CAUGHT_UP_WITHIN);
    assert!(!takes_the_present(&client, 1).await, "not at once");
    home.says("catches up at ten times real time", CAUGHT_UP_WITHIN);
    let caught_up = || (home.finding().0 == healthy).then_some(());
    within(CAUGHT_UP_WITHIN, caught_up).expect("a doctor that is content");
    assert!(takes_the_present(&client, 2).await);
    // A minute passes before anything is caught up with, and log time ran at its pace.
    assert!(corrected.elapsed() > Duration::from_secs(60));
    // It goes on where it was, after a crash too.
    node.kill();
    let _node = home.home.start();
    assert!(takes_the_present(&client, 3).await);
}
