//! No path is routed beside the description.

use std::{fs, path::Path};

/// Names the files below `folder` that contain one of `words`.
fn files_with(folder: &Path, words: &[&str], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_with(&path, words, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let name = path.file_name().expect("a name").to_string_lossy();
        if name != "tests.rs" && words.iter().any(|word| text.contains(word)) {
            found.push(name.into_owned());
        }
    }
}

#[test]
fn only_the_described_router_routes() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut found = Vec::new();
    files_with(
        &sources,
        &[".route(", ".route_service(", ".nest_service("],
        &mut found,
    );
    assert_eq!(found, ["described.rs"]);
}
