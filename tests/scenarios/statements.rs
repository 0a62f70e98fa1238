//! The xAPI statements of a class that watches videos, over both interfaces that accept them.

use std::path::{Path, PathBuf};

use homeroom_tests::oracle::{NaiveModel, SourceCounts, read_lines};

use crate::harness::{Home, check, http};

/// The statements span a week; events older than the retention would be refused.
pub const RETENTION: &str = "10d";
/// Statements per request: well below the limit of a request's bytes.
const REQUEST: usize = 500;

/// The made-up class of `fixtures/video_class.py`.
pub fn made_up_class() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/video_class.jsonl.gz")
}

/// The real class, whose statements are not part of the project: `HOMEROOM_XAPI_STATEMENTS` names
/// their file.
pub fn real_class() -> Option<PathBuf> {
    std::env::var_os("HOMEROOM_XAPI_STATEMENTS").map(PathBuf::from)
}

/// All classes there are.
pub fn classes() -> impl Iterator<Item = PathBuf> {
    [made_up_class()].into_iter().chain(real_class())
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

fn are_read_from_a_file(path: &Path) {
    let lines = lines_of(path);
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

fn are_posted(path: &Path) {
    let lines = lines_of(path);
    let home = Home::new(&["--shards", "2", "--retention", RETENTION]);
    let _node = home.start();
    // A sender that got no answer repeats its first requests.
    let again = &lines[..lines.len() / 4];
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

#[test]
fn statements_of_a_class_are_read_from_a_file() {
    classes().for_each(|path| are_read_from_a_file(&path));
}

#[test]
fn statements_of_a_class_are_posted() {
    classes().for_each(|path| are_posted(&path));
}
