//! A full disk: the node stops with one plain line. All acknowledged events are there once there is
//! space again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use homeroom_tests::generator::GeneratorSettings;
use homeroom_tests::oracle::NaiveModel;

use crate::harness::{Home, Input, Process, Seed, check, tool, until_ready};

/// A file system in a mount namespace of its own; unmounted when dropped.
struct SmallDisk {
    holder: Child,
    /// Commands for the shell that runs inside the namespace.
    shell: ChildStdin,
}

impl SmallDisk {
    /// `None` where the system does not allow namespaces; a failure in CI.
    fn mounted_at(folder: &Path, mib: u32) -> Option<SmallDisk> {
        let mut holder = Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare, of util-linux");
        let mut disk = SmallDisk {
            shell: holder.stdin.take().expect("its standard input"),
            holder,
        };
        let said = disk.run(&format!(
            "mount -t tmpfs -o size={mib}m tmpfs '{}'",
            folder.display()
        ));
        if said.as_deref() == Some("0") {
            return Some(disk);
        }
        tool::or_skipped(false, "no mount namespace is allowed here");
        None
    }

    fn grow(&mut self, folder: &Path, mib: u32) {
        let command = format!("mount -o remount,size={mib}m '{}'", folder.display());
        assert_eq!(self.run(&command).as_deref(), Some("0"));
    }

    /// Runs a command inside. Returns its exit code, or `None` when the shell has ended.
    fn run(&mut self, command: &str) -> Option<String> {
        writeln!(self.shell, "{command} >&2; echo $?").ok()?;
        let stdout = self.holder.stdout.as_mut()?;
        // The shell prints nothing else, so nothing is lost with the buffer.
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).ok()?;
        Some(line.trim().to_owned()).filter(|line| !line.is_empty())
    }

    /// The same process, started inside the namespace.
    fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside
            .args(["--mount", "--user", "--preserve-credentials", "--target"])
            .arg(self.holder.id().to_string())
            .arg("--")
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn a_full_disk_stops_the_node_and_loses_nothing() {
    let seed = Seed::of("full_disk::a_full_disk_stops_the_node_and_loses_nothing");
    let home = Home::new(&["--shards", "2"])
        .with("log.segment_bytes", "1MiB")
        .with("checkpoint.interval", "1s");
    std::fs::create_dir(home.data()).expect("the data folder");
    let Some(mut disk) = SmallDisk::mounted_at(&home.data(), 8) else {
        return;
    };
    let settings = GeneratorSettings {
        lines: 80_000,
        learners: 300,
        seed: seed.seed,
        ..GeneratorSettings::default()
    };
    let input = Input::generate(&home, settings);
    let start = |disk: &SmallDisk| {
        let mut command = disk.enter(&home.command("serve"));
        Process::spawn(&mut command, home.folder(), "node")
    };
    let mut node = start(&disk);
    until_ready(&home);
    let arguments = ["ingest", input.name(), "--retry-seconds", "8"];
    let sent = home.cli().run(&arguments);
    assert!(!sent.status.success(), "the file is larger than the disk");
    let acknowledged = acknowledged(&String::from_utf8_lossy(&sent.stderr));
    assert_eq!(node.wait().code(), Some(74));
    let log = home.log();
    let last = log.lines().last().expect("a last word");
    assert!(
        last.contains("the node stops") && last.contains("No space left on device"),
        "{last}"
    );

    let mut again = start(&disk);
    assert!(!again.wait().success(), "there is still no room");
    let log = home.log();
    assert!(
        log.lines()
            .last()
            .expect("a last word")
            .contains("No space left"),
        "{log}"
    );

    disk.grow(&home.data(), 256);
    let _node = start(&disk);
    until_ready(&home);
    let kept: u64 = (check::conserved(&home.cli()).iter())
        .filter_map(|source| source["received"].as_u64())
        .sum();
    assert!(
        kept >= acknowledged,
        "{kept} of {acknowledged} acknowledged deliveries"
    );
    home.cli().json(&["ingest", input.name()]);
    let model: NaiveModel = input.model(1);
    check::windows(&home.cli(), &model);
}

/// The command line's message for a run that was broken off.
fn acknowledged(said: &str) -> u64 {
    let (_, rest) = said.split_once("stopped after ").expect("the count");
    let count = rest.split(' ').next().and_then(|count| count.parse().ok());
    count.unwrap_or_else(|| panic!("{said}"))
}
