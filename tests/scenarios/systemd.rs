//! The unit file, checked with systemd's own tools.

use std::fs;
use std::process::Command;

use crate::harness::{Home, tool};

const UNIT: &str = include_str!("../../deploy/systemd/homeroom-node.service");
const INSTALLED: &str = "/usr/bin/homeroom-node";
/// Limit of systemd's exposure level, in tenths (0 to 100). Below 20, systemd calls a service well
/// protected.
const EXPOSURE_MAX: &str = "--threshold=20";

#[test]
fn the_unit_is_sound_and_well_protected() {
    if !tool::is_there("systemd-analyze", "systemd") {
        return;
    }
    let home = Home::new(&[]);
    let node = home.command("serve").get_program().to_owned();
    let node = node.to_str().expect("a UTF-8 path");
    assert!(UNIT.contains(INSTALLED));
    // systemd checks whether the binary exists.
    let path = home.folder().join("homeroom-node.service");
    fs::write(&path, UNIT.replace(INSTALLED, node)).expect("a unit");
    let said = tool::said(Command::new("systemd-analyze").arg("verify").arg(&path));
    // It may also print about other units of this machine.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("homeroom"))
        .collect();
    assert!(ours.is_empty(), "{said}");
    let security = ["security", "--offline=true", EXPOSURE_MAX];
    tool::said(Command::new("systemd-analyze").args(security).arg(&path));
}

#[test]
fn a_broken_unit_would_be_noticed() {
    if !tool::is_there("systemd-analyze", "systemd") {
        return;
    }
    let home = Home::new(&[]);
    let path = home.folder().join("homeroom-node.service");
    fs::write(&path, UNIT.replace(INSTALLED, "/no/such/binary")).expect("a unit");
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&path)
        .output()
        .expect("the tool runs");
    assert!(!verified.status.success());
}
