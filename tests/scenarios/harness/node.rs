//! A running node.

use std::process::ExitStatus;

use super::home::Home;
use super::http;
use super::process::Process;
use super::wait::until;

/// Attempts of a start: an outgoing connection of another test may use the port meanwhile.
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
                // Another test's node may listen on the port, and answer.
                None => (listens(process.id(), home.ports().1) && is_ready(home)).then_some(true),
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

    /// Peak resident memory in bytes; `None` where the system does not report it.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1_024)
    }

    /// Sends SIGKILL.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Sends SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Sends SIGSTOP: the node hangs until [`Self::resume`].
    pub fn suspend(&self) {
        self.process.suspend();
    }

    /// Sends SIGCONT.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Sends SIGTERM; returns the exit status.
    pub fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.process.wait()
    }

    /// The exit status, once the node has ended.
    pub fn wait(mut self) -> ExitStatus {
        self.process.wait()
    }
}

/// Waits until a node of this home is ready.
pub fn until_ready(home: &Home) {
    until("a node that is ready", || is_ready(home).then_some(()));
}

/// Whether a process listens on a port. True where the system does not say.
fn listens(process: u32, port: u16) -> bool {
    const LISTENS: &str = "0A";
    let Ok(sockets) = std::fs::read_to_string(format!("/proc/{process}/net/tcp")) else {
        return true;
    };
    let port = format!(":{port:04X}");
    let of_port = sockets.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&port) && *fields.get(3)? == LISTENS;
        let inode = fields.get(9).filter(|_| is_it)?;
        Some(format!("socket:[{inode}]"))
    });
    let of_port: Vec<String> = of_port.collect();
    let files = std::fs::read_dir(format!("/proc/{process}/fd"));
    let mut files = files.into_iter().flatten().flatten();
    files.any(|file| {
        let target = std::fs::read_link(file.path()).unwrap_or_default();
        of_port
            .iter()
            .any(|socket| target.as_os_str() == socket.as_str())
    })
}

fn is_ready(home: &Home) -> bool {
    http::get(&home.url("/readyz")).is_some_and(|(status, _)| status == 200)
}
