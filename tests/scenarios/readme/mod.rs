//! Runs the commands of the README and compares their output with what it shows.

mod script;
mod shown;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Home, Process, binaries, http, tool, wait::until};
use crate::statements;

use script::{Step, steps};
use shown::is_as_shown;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// The learner of the real class in the README.
const REAL_LEARNER: &str = "6f7ce388-fc5d-48ed-9191-900c4ffab879";
/// The most active learner of the made-up class.
const MADE_UP_LEARNER: &str = "11111111-0000-4000-8000-000000000000";

/// Types the README's commands in a folder with the files that it names.
struct Reader {
    home: Home,
    folder: PathBuf,
    /// The last started node. A new one needs the same address, so the last is stopped first.
    node: Option<Process>,
    /// Whether `statements.jsonl.gz` is the real class, not the made-up one.
    has_real_class: bool,
}

#[test]
fn what_the_readme_says_is_what_happens() {
    let readme = fs::read_to_string(README).expect("the README");
    let mut reader = Reader::new();
    let mut walked = 0;
    for step in steps(&readme) {
        match step {
            Step::Command {
                line,
                command,
                shown,
                of_real_class,
            } => {
                // The figures shown are those of the real class.
                let is_comparable = reader.has_real_class || !of_real_class;
                let shown = if is_comparable { shown } else { Vec::new() };
                reader.types(line, &command, &shown);
                walked += 1;
            }
            Step::Python(program) => reader.runs(&program),
        }
    }
    assert!(walked >= 10, "the walk had only {walked} steps");
}

impl Reader {
    fn new() -> Reader {
        let home = Home::new(&[]);
        let folder = home.folder().join("checkout");
        let commands = folder.join("bin");
        fs::create_dir_all(&commands).expect("a folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        symlink(root.join("docs"), folder.join("docs")).expect("a link");
        let real_class = statements::real_class();
        let has_real_class = real_class.is_some();
        let class = real_class.unwrap_or_else(statements::made_up_class);
        symlink(class, folder.join("statements.jsonl.gz")).expect("a link");
        let (node, cli) = (binaries::node(), binaries::cli());
        let (node, cli) = (node.display(), cli.display());
        // `cargo` builds nothing here: it runs the tests' own binaries, whatever the profile.
        let cargo = format!(
            "case \"$*\" in\n\
             'run --release -- '*) shift 3; exec '{node}' \"$@\";;\n\
             'run --release -p homeroom-cli -- '*) shift 5; exec '{cli}' \"$@\";;\n\
             'test --workspace') echo 'the tests run already';;\n\
             *) echo \"not foreseen: cargo $*\" >&2; exit 1;;\nesac"
        );
        for (name, does) in [
            ("homeroom", format!("exec '{cli}' \"$@\"")),
            ("homeroom-node", format!("exec '{node}' \"$@\"")),
            ("cargo", cargo),
        ] {
            let path = commands.join(name);
            fs::write(&path, format!("#!/bin/sh\n{does}\n")).expect("a command");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a command");
        }
        Reader {
            home,
            folder,
            node: None,
            has_real_class,
        }
    }

    /// Replaces the README's addresses by those of this node, and its learner by one of the class.
    fn here(&self, text: &str) -> String {
        let (grpc, http) = self.home.ports();
        let learner = if self.has_real_class {
            REAL_LEARNER
        } else {
            MADE_UP_LEARNER
        };
        text.replace(REAL_LEARNER, learner)
            .replace(":7400", &format!(":{grpc}"))
            .replace(":7401", &format!(":{http}"))
    }

    fn shell(&self, command: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let (grpc, http) = self.home.ports();
        let mut shell = Command::new("bash");
        shell
            .args(["-o", "pipefail", "-c", command])
            .current_dir(&self.folder)
            .env(
                "PATH",
                format!("{}:{path}", self.folder.join("bin").display()),
            )
            .env("HOMEROOM_ENDPOINT", self.home.endpoint())
            .env("HOMEROOM__LISTEN__GRPC", format!("127.0.0.1:{grpc}"))
            .env("HOMEROOM__LISTEN__HTTP", format!("127.0.0.1:{http}"));
        shell
    }

    fn types(&mut self, line: usize, command: &str, shown: &[String]) {
        let command = self.here(command);
        if command.contains(" serve") {
            return self.starts(&command);
        }
        if command.ends_with(" demo") {
            return self.watches(&command);
        }
        let output = self.shell(&command).stdin(Stdio::null()).output();
        let output = output.expect("bash runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "README.md:{line}: {command}\n{printed}{said}"
        );
        let shown: Vec<String> = shown.iter().map(|line| self.here(line)).collect();
        let printed: Vec<&str> = printed.lines().collect();
        let nothing_is_shown = shown.is_empty();
        assert!(
            nothing_is_shown || is_as_shown(&shown, &printed),
            "README.md:{line}: {command}\nshown:\n{}\nprinted:\n{}\n{said}",
            shown.join("\n"),
            printed.join("\n")
        );
    }

    /// Waits until the class is shown, then sends Ctrl-C.
    fn watches(&self, command: &str) {
        let mut shell = self.shell(&format!("exec {command}"));
        let mut demo = Process::spawn(&mut shell, self.home.folder(), "demo");
        until("the class", || {
            demo.stdout().contains("need help").then_some(())
        });
        demo.interrupt();
        assert!(demo.wait().success(), "{}", demo.stderr());
    }

    fn starts(&mut self, command: &str) {
        if let Some(mut node) = self.node.take() {
            node.terminate();
            assert!(node.wait().success());
        }
        let mut shell = self.shell(&format!("exec {command}"));
        self.node = Some(Process::spawn(&mut shell, self.home.folder(), "node"));
        until("the README's node", || {
            let ready = http::get(&self.home.url("/readyz"));
            ready.is_some_and(|(status, _)| status == 200).then_some(())
        });
    }

    fn runs(&self, program: &str) {
        let path = self.folder.join("program.py");
        fs::write(&path, self.here(program)).expect("a program");
        if !tool::python_has_grpc() {
            return;
        }
        let output = Command::new("python3").arg(&path).output();
        let output = output.expect("python3 runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
