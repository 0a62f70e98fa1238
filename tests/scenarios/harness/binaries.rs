//! The binaries under test: those of the profile that the tests were built with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the binaries. Cargo hands a test the binaries of its own package only, so this
/// asks Cargo to build what is missing or stale.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let own = std::env::current_exe().expect("the path of the running test");
        let folder = own.parent().and_then(Path::parent);
        let folder = folder.expect("target/<profile>/deps/<test>").to_owned();
        build(&folder);
        folder
    })
}

/// Builds the binaries with the features that `cargo test --workspace` gives them: all packages of
/// the workspace, and their dev-dependencies (Cargo counts those in once a test target is named;
/// `tidy` is the smallest). After `cargo test --workspace` everything is fresh and nothing is
/// compiled.
fn build(folder: &Path) {
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let profile = match name(folder).as_deref() {
        Some("debug") => "dev".to_owned(),
        Some(other) => other.to_owned(),
        None => panic!("no profile in {}", folder.display()),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--test", "tidy"])
        .args(["--bin", "homeroom-node", "--bin", "homeroom"])
        .args(["--profile", &profile, "--target-dir"])
        .arg(folder.parent().expect("target/<profile>"))
        .current_dir(workspace)
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the binaries under test don't build"
    );
}

/// The server's binary.
pub fn node() -> PathBuf {
    folder().join("homeroom-node")
}

/// The command line's binary.
pub fn cli() -> PathBuf {
    folder().join("homeroom")
}
