//! Tools of the system that a test needs.

use std::process::{Command, Output, Stdio};

/// Whether a tool is installed. In CI it must be; elsewhere the test says that it is skipped.
pub fn is_there(tool: &str, package: &str) -> bool {
    let probe = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_there = probe.is_ok_and(|status| status.success());
    assert!(
        is_there || std::env::var_os("CI").is_none(),
        "{tool} is not installed (package {package})"
    );
    if !is_there {
        println!("skipped: {tool} is not installed (package {package})");
    }
    is_there
}

/// Runs a tool to its end, which must be a good one; what it said on both outputs.
pub fn said(command: &mut Command) -> String {
    let output = command.output().expect("the tool runs");
    let said = text(&output);
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}
