//! Real xAPI statements, through both doors that take them.

use std::path::{Path, PathBuf};

use homeroom_tests::oracle::{NaiveModel, SourceCounts, read_lines};

use crate::harness::{Home, check, http};

/// The statements span days; what is older than the retention would be gone.
pub const RETENTION: &str = "10d";
/// Statements of one request, well below its limit of bytes.
const REQUEST: usize = 500;

/// Not part of the project: where it is missing, there is nothing to test.
pub fn statements() -> Option<PathBuf> {
    let sibling = || {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../shared/data/fun-mooc-video/statements.jsonl.gz")
    };
    let path = std::env::var_os("HOMEROOM_XAPI_STATEMENTS").map_or_else(sibling, PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    println!(
        "skipped: no statements at {}; name a file with HOMEROOM_XAPI_STATEMENTS",
        path.display()
    );
    None
}

fn model(lines: &[Vec<u8>], times: usize) -> NaiveModel {
    let mut model = NaiveModel::new(crate::harness::settings());
    for line in (0..times).flat_map(|_| lines) {
        model.deliver_xapi(line);
    }
    model
}

/// One statement each.
pub fn lines_of(path: &Path) -> Vec<Vec<u8>> {
    let lines = read_lines(path).expect("the statements");
    lines.collect::<Result<_, _>>().expect("the statements")
}

#[test]
fn real_statements_are_read_from_a_file() {
    let Some(path) = statements() else { return };
    let lines = lines_of(&path);
    let (once, twice) = (model(&lines, 1), model(&lines, 2));
    let home = Home::new(&["--shards", "4", "--retention", RETENTION]);
    let _node = home.start();
    let (cli, name) = (home.cli(), path.to_str().expect("UTF-8"));
    let summary = cli.json(&["ingest", name]);
    check::summary(&summary, &SourceCounts::default(), &once.counts().total());
    check::windows(&cli, &once);
    let again = cli.json(&["ingest", name]);
    check::summary(&again, &once.counts().total(), &twice.counts().total());
    check::windows(&cli, &once);
    check::ledger(&cli, &twice);
}

#[test]
fn real_statements_are_posted() {
    let Some(path) = statements() else { return };
    let lines = lines_of(&path);
    let home = Home::new(&["--shards", "2", "--retention", RETENTION]);
    let _node = home.start();
    // The first requests come again: a sender that was unsure.
    let again = &lines[..REQUEST * 4];
    let model = model(&[lines.as_slice(), again].concat(), 1);
    for request in lines.chunks(REQUEST).chain(again.chunks(REQUEST)) {
        let body = [b"[", request.join(&b',').as_slice(), b"]"].concat();
        let (status, answer) = http::post_json(&home.url("/xAPI/statements"), None, &body);
        assert_eq!(status, 200, "{answer}");
        let ids: Vec<String> = serde_json::from_str(&answer).expect("the statements' ids");
        assert_eq!(ids.len(), request.len());
    }
    check::windows(&home.cli(), &model);
    check::ledger(&home.cli(), &model);
}
