//! The unit file, held against systemd's own judgement.

use std::fs;
use std::process::Command;

use crate::harness::{Home, tool};

const UNIT: &str = include_str!("../../deploy/systemd/homeroom-node.service");
const INSTALLED: &str = "/usr/bin/homeroom-node";
/// Tenths of systemd's measure of exposure, of 100; below 20 it calls a service well protected.
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
    // systemd looks whether the binary is there.
    let path = home.folder().join("homeroom-node.service");
    fs::write(&path, UNIT.replace(INSTALLED, node)).expect("a unit");
    let said = tool::said(Command::new("systemd-analyze").arg("verify").arg(&path));
    // Of other units on this machine it may have to say something too.
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
