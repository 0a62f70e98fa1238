//! The home of a node: its folder, addresses and flags, which are the same at every start.

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::binaries;
use super::cli::Cli;
use super::node::Node;
use super::process::Process;

/// A data folder, and how nodes are started in it, one after the other.
pub struct Home {
    dir: TempDir,
    data: PathBuf,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    grpc: SocketAddr,
    http: SocketAddr,
}

impl Home {
    /// An empty home; `flags` follow `serve`.
    pub fn new(flags: &[&str]) -> Home {
        let (grpc, http) = free_addresses();
        let dir = tempfile::tempdir().expect("a temporary folder");
        Home {
            data: dir.path().join("data"),
            dir,
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            environment: Vec::new(),
            grpc,
            http,
        }
    }

    /// Adds a setting that has no flag, such as `checkpoint.interval`.
    pub fn with(mut self, field: &str, value: &str) -> Home {
        let name = format!("HOMEROOM__{}", field.replace('.', "__").to_uppercase());
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Adds a variable of the environment.
    pub fn with_variable(mut self, name: &str, value: &str) -> Home {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Uses another home's data folder.
    pub fn in_the_folder_of(mut self, other: &Home) -> Home {
        self.data.clone_from(&other.data);
        self
    }

    /// Uses another home's addresses.
    pub fn at_the_addresses_of(mut self, other: &Home) -> Home {
        (self.grpc, self.http) = (other.grpc, other.http);
        self
    }

    /// Starts a node and waits until it is ready.
    pub fn start(&self) -> Node {
        Node::start(self)
    }

    /// Starts a node that may fail to start, with further `flags`.
    pub fn spawn(&self, name: &str, flags: &[&str]) -> Process {
        Process::spawn(self.command("serve").args(flags), self.dir.path(), name)
    }

    /// `homeroom-node COMMAND` with this home's flags and environment, without the environment of
    /// the tests.
    pub fn command(&self, command: &str) -> Command {
        let mut node = Command::new(binaries::node());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HOMEROOM") || name == "RUST_LOG" {
                node.env_remove(name);
            }
        }
        node.arg(command)
            .args([OsStr::new("--data-dir"), self.data.as_os_str()])
            .args([
                "--grpc",
                &self.grpc.to_string(),
                "--http",
                &self.http.to_string(),
            ])
            .args(&self.flags)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        node
    }

    /// The command line, connected to this home's node.
    pub fn cli(&self) -> Cli<'_> {
        Cli::new(self)
    }

    /// The node's data folder.
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Standard error of all nodes that ran here.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("node.err")).unwrap_or_default()
    }

    /// The folder for the tests' own files.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The ports of gRPC and HTTP.
    pub fn ports(&self) -> (u16, u16) {
        (self.grpc.port(), self.http.port())
    }

    /// The URL of gRPC.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// The URL of a path over HTTP.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }
}

/// Binds both at once, so that they differ.
fn free_addresses() -> (SocketAddr, SocketAddr) {
    let bound = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (grpc, http) = (bound(), bound());
    let address = |listener: &TcpListener| listener.local_addr().expect("a bound address");
    (address(&grpc), address(&http))
}
