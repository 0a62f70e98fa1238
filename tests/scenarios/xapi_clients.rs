//! The xAPI libraries that source systems use, as their registries publish them, against a node.

use std::path::Path;
use std::process::Command;

use homeroom_tests::oracle::{NaiveModel, Settings};
use serde_json::{Value, json};

use crate::harness::{Home, check, settings, tool};
use crate::statements::{RETENTION, classes, lines_of};

/// The source name that the libraries send.
const SOURCE: &str = "stock";
/// Statements of a class that each library sends: a few batches.
const STATEMENTS: usize = 400;

/// A library, and the interpreter that runs it.
struct Library {
    /// `node`, or `python3`.
    interpreter: &'static str,
    /// A program that succeeds where the library is installed.
    probe: &'static str,
    script: &'static str,
}

const XAPI_JS: Library = Library {
    interpreter: "node",
    probe: "require('@xapi/xapi')",
    script: "xapi.js",
};
const TINCAN_JS: Library = Library {
    interpreter: "node",
    probe: "require('tincanjs')",
    script: "tincan.js",
};
const TINCAN_PYTHON: Library = Library {
    interpreter: "python3",
    probe: "import tincan",
    script: "tincan_py.py",
};

impl Library {
    fn is_there(&self) -> bool {
        let flag = if self.interpreter == "node" {
            "-e"
        } else {
            "-c"
        };
        let is_there = tool::succeeds(self.command().args([flag, self.probe]));
        let missing = format!("{} can't {}", self.interpreter, self.probe);
        tool::or_skipped(is_there, &missing)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.interpreter);
        // The folder into which CI installs packages. Others are found as usual.
        let modules = root().join("../target/ci/npm/node_modules");
        if std::env::var_os("NODE_PATH").is_none() {
            command.env("NODE_PATH", modules);
        }
        command
    }

    /// Sends all statements; returns the ids that the library received.
    fn send(&self, home: &Home, statements: &[Value]) -> Value {
        let input = home.folder().join("statements.json");
        std::fs::write(&input, json!(statements).to_string()).expect("a file");
        let output = self
            .command()
            .arg(root().join("scenarios/clients").join(self.script))
            .args([&home.url("/xAPI/"), SOURCE])
            .stdin(std::fs::File::open(input).expect("the file"))
            .output()
            .expect("the interpreter runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", self.script);
        serde_json::from_slice(&output.stdout).expect("the ids")
    }

    fn proves_itself(&self) {
        if !self.is_there() {
            return;
        }
        self.delivers(&made_up());
        for path in classes() {
            self.delivers(&first_of(&path));
        }
    }

    /// Sent once, the windows are the model's; sent again, only duplicates change.
    fn delivers(&self, statements: &[Value]) {
        let ids: Vec<&Value> = statements
            .iter()
            .map(|statement| &statement["id"])
            .collect();
        let home = Home::new(&["--shards", "2", "--retention", RETENTION]);
        let _node = home.start();
        for times in 1..=2 {
            assert_eq!(self.send(&home, statements), json!(ids));
            let model = model(statements, times);
            assert_eq!(model.counts().total().accepted, ids.len() as u64);
            check::windows(&home.cli(), &model);
            check::ledger(&home.cli(), &model);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first statements of a class.
fn first_of(class: &Path) -> Vec<Value> {
    let lines = lines_of(class);
    let lines = lines.iter().take(STATEMENTS);
    let read = |line: &Vec<u8>| serde_json::from_slice(line).expect("a statement");
    lines.map(read).collect()
}

/// Statements with results: a class that watches videos has no scores.
fn made_up() -> Vec<Value> {
    let statement = |nth: u32| {
        let verb = ["experienced", "passed", "answered"][nth as usize % 3];
        json!({
            "id": format!("5f7b1f9e-0000-4000-8000-{nth:012}"),
            "actor": {"account": {"homePage": "http://example.org", "name": format!("learner-{}", nth % 7)}},
            "verb": {"id": format!("http://adlnet.gov/expapi/verbs/{verb}")},
            "object": {"id": format!("http://example.org/{}", nth % 5)},
            "result": {"success": true, "score": {"raw": nth % 11, "min": 0, "max": 10}},
            "timestamp": format!("2025-03-05T08:{:02}:{:02}.250Z", nth / 60, nth % 60),
        })
    };
    (0..60).map(statement).collect()
}

fn model(statements: &[Value], times: usize) -> NaiveModel {
    let mut model = NaiveModel::new(Settings {
        xapi_source: SOURCE.to_owned(),
        ..settings()
    });
    for statement in (0..times).flat_map(|_| statements) {
        model.deliver_xapi(statement.to_string().as_bytes());
    }
    model
}

#[test]
fn xapi_js_is_understood() {
    XAPI_JS.proves_itself();
}

#[test]
fn tincan_js_is_understood() {
    TINCAN_JS.proves_itself();
}

#[test]
fn tincan_for_python_is_understood() {
    TINCAN_PYTHON.proves_itself();
}
