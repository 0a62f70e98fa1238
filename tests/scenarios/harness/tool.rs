//! Tools of the system that a test needs.

use std::process::{Command, Output, Stdio};

/// Returns `is_there`. When a needed tool is missing, the test fails in CI; elsewhere it prints
/// that it is skipped.
pub fn or_skipped(is_there: bool, missing: &str) -> bool {
    assert!(is_there || std::env::var_os("CI").is_none(), "{missing}");
    if !is_there {
        println!("skipped: {missing}");
    }
    is_there
}

/// Whether a tool is installed; see [`or_skipped`].
pub fn is_there(tool: &str, package: &str) -> bool {
    let is_there = succeeds(Command::new(tool).arg("--version"));
    or_skipped(
        is_there,
        &format!("{tool} is not installed (package {package})"),
    )
}

/// Whether Python has a gRPC client; see [`or_skipped`].
pub fn python_has_grpc() -> bool {
    let is_there = succeeds(Command::new("python3").args(["-c", "import grpc, grpc_reflection"]));
    or_skipped(is_there, "python3 has no grpcio and grpcio-reflection")
}

/// Runs a command without output. False also where it can't be started.
pub fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a tool that must succeed; returns both its outputs.
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
