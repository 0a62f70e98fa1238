//! A node that is up.

use std::process::ExitStatus;

use super::home::Home;
use super::http;
use super::process::Process;
use super::wait::until;

/// How often a start is tried again because another test's outgoing connection sits on the port.
const STARTS: usize = 20;

/// A running node; killed when dropped.
pub struct Node {
    process: Process,
}

impl Node {
    pub(super) fn start(home: &Home) -> Node {
        for _ in 0..STARTS {
            let before = home.log().len();
            let mut process = home.spawn("node", &[]);
            let started = until("a node that is ready", || match process.ended() {
                Some(_) => Some(false),
                None => is_ready(home).then_some(true),
            });
            if started {
                return Node { process };
            }
            let said = process.stderr().split_off(before);
            assert!(
                said.contains("can't be listened on"),
                "the node ended instead of starting:\n{said}"
            );
        }
        panic!("the node's ports stay in use");
    }

    /// The most memory that it ever had, bytes; none where the system does not tell.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1_024)
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// SIGTERM; how it ended.
    pub fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.process.wait()
    }

    /// How it ended, once it has.
    pub fn wait(mut self) -> ExitStatus {
        self.process.wait()
    }
}

/// Waits until a node of this home is ready.
pub fn until_ready(home: &Home) {
    until("a node that is ready", || is_ready(home).then_some(()));
}

fn is_ready(home: &Home) -> bool {
    http::get(&home.url("/readyz")).is_some_and(|(status, _)| status == 200)
}
