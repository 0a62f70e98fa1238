//! The command line, called as from a script.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::binaries;
use super::home::Home;
use super::input::Input;
use super::process::Process;

/// `homeroom --json`, connected to the node of a home.
pub struct Cli<'h> {
    home: &'h Home,
}

impl<'h> Cli<'h> {
    pub(super) fn new(home: &'h Home) -> Cli<'h> {
        Cli { home }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries::cli());
        command
            .args(["--endpoint", &self.home.endpoint(), "--json"])
            .args(arguments);
        command
    }

    /// Runs it to its end, with any exit code. Each of its commands has a time limit.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).stdin(Stdio::null()).output();
        output.expect("the command line runs")
    }

    /// The same without `--json`, as a person would call it.
    pub fn run_plain(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binaries::cli());
        command
            .args(["--endpoint", &self.home.endpoint()])
            .args(arguments)
            .stdin(Stdio::null());
        command.output().expect("the command line runs")
    }

    /// Its output, line by line; it must succeed.
    pub fn lines(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.run(arguments);
        printed(arguments, output)
    }

    /// The one document that it prints when it reads a file from standard input.
    pub fn json_from(&self, arguments: &[&str], input: &Input) -> Value {
        let file = File::open(&input.path).expect("the file of events");
        let output = self.command(arguments).stdin(file).output();
        let lines = printed(arguments, output.expect("the command line runs"));
        serde_json::from_str(&lines.join("\n")).expect("one document")
    }

    /// Its output, one document a line.
    pub fn documents(&self, arguments: &[&str]) -> Vec<Value> {
        let lines = self.lines(arguments).into_iter();
        lines
            .map(|line| {
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
            })
            .collect()
    }

    /// The one document that it prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut documents = self.documents(arguments);
        assert_eq!(
            documents.len(),
            1,
            "one document from {arguments:?}: {documents:?}"
        );
        documents.remove(0)
    }

    /// Starts it in the background.
    pub fn spawn(&self, name: &str, arguments: &[&str]) -> Process {
        Process::spawn(&mut self.command(arguments), self.home.folder(), name)
    }
}

fn printed(arguments: &[&str], output: Output) -> Vec<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "homeroom {arguments:?}: {said}");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    printed.lines().map(str::to_owned).collect()
}
