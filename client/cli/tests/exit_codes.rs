//! The binary without a node: its exit codes, and which of its outputs it uses.
//!
//! Cargo builds a package's binary together with its integration tests. The scenarios therefore
//! find `homeroom` compiled after `cargo test --workspace`.

use std::process::{Command, Output};

fn homeroom(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homeroom"));
    command.args(arguments).env_remove("HOMEROOM_ENDPOINT");
    command.output().expect("the binary runs")
}

fn text(output: &[u8]) -> &str {
    std::str::from_utf8(output).expect("UTF-8")
}

#[test]
fn the_version_goes_to_standard_output() {
    let output = homeroom(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    let expected = concat!("homeroom ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn wrong_usage_exits_with_2() {
    let output = homeroom(&["no-such-command"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("no-such-command"));
}

#[test]
fn an_unreachable_node_exits_with_1_and_one_line() {
    // Port 1 is reserved: no node listens there.
    let endpoint = "http://127.0.0.1:1";
    let output = homeroom(&["--endpoint", endpoint, "--timeout", "100ms", "doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    assert!(said.starts_with("homeroom: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
