//! The files of the workspace, as text.

use std::{fs, path::Path};

/// A file of the workspace.
pub struct File {
    /// From the workspace's root, with `/`.
    pub path: String,
    pub text: String,
}

/// Folders that hold nothing of ours.
const LEFT_OUT: [&str; 3] = ["target", ".git", "fixtures"];
/// Files with no extension that are read all the same.
const BY_NAME: [&str; 3] = ["justfile", "run", "Dockerfile"];

/// The workspace's root.
pub fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests' crate lies in the workspace")
}

/// All text files with one of these extensions; `""` selects files of known names without one.
pub fn files(extensions: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    gather(root(), extensions, &mut found);
    assert!(
        !found.is_empty(),
        "no files found under {}",
        root().display()
    );
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// All Rust sources.
pub fn sources() -> Vec<File> {
    files(&["rs"])
}

/// Fails with everything that is wrong, one a line.
pub fn assert_none(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}\n", faults.join("\n  "));
}

fn gather(dir: &Path, extensions: &[&str], found: &mut Vec<File>) {
    for entry in fs::read_dir(dir).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !LEFT_OUT.contains(&&*name) {
                gather(&path, extensions, found);
            }
            continue;
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let is_nameless = extension.is_empty() && !BY_NAME.contains(&&*name);
        if extensions.contains(&&*extension) && !is_nameless {
            let short = path.strip_prefix(root()).expect("below the root");
            found.push(File {
                path: short.to_string_lossy().replace('\\', "/"),
                text: fs::read_to_string(&path).expect("a readable text"),
            });
        }
    }
}

/// Whether a source, by its path in its crate, is a test next to the tested code. Tests may import
/// anything.
pub fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
}
