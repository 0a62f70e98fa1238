//! Every file says what it is.

use crate::tree::{assert_none, sources};

/// Files that do not say it yet: a debt that only shrinks.
const WITHOUT_HEADER: [&str; 39] = [
    "client/src/batch.rs",
    "client/src/cli/cluster.rs",
    "client/src/cli/dead_letters.rs",
    "client/src/cli/error.rs",
    "client/src/cli/get.rs",
    "client/src/cli/ingest.rs",
    "client/src/cli/output.rs",
    "client/src/cli/progress.rs",
    "client/src/cli/settings.rs",
    "client/src/cli/settings_change.rs",
    "client/src/cli/watch.rs",
    "client/src/cli/windows.rs",
    "client/src/client.rs",
    "client/src/cluster.rs",
    "client/src/dead_letters.rs",
    "client/src/endpoints.rs",
    "client/src/error.rs",
    "client/src/failure.rs",
    "client/src/ingest/batcher.rs",
    "client/src/ingest/error.rs",
    "client/src/ingest/tally.rs",
    "client/src/input/elements.rs",
    "client/src/input/format.rs",
    "client/src/input/lines.rs",
    "client/src/input/payloads.rs",
    "client/src/input/source.rs",
    "client/src/learners.rs",
    "client/src/position.rs",
    "client/src/publisher/connection.rs",
    "client/src/publisher/driver.rs",
    "client/src/publisher/error.rs",
    "client/src/publisher/in_flight.rs",
    "client/src/publisher/window.rs",
    "client/src/retry.rs",
    "client/src/watch.rs",
    "client/src/window_pages.rs",
    "node/src/config/tests.rs",
    "node/src/http/tests.rs",
    "node/src/observe/metrics/tests.rs",
];

#[test]
fn every_file_begins_with_its_purpose() {
    let mut faults = Vec::new();
    for file in sources() {
        let has_header = file.text.starts_with("//!");
        let is_known = WITHOUT_HEADER.contains(&&*file.path);
        match (has_header, is_known) {
            (false, false) => faults.push(format!("{} does not begin with `//!`", file.path)),
            (true, true) => faults.push(format!(
                "{} does by now: take it out of the list",
                file.path
            )),
            _ => {}
        }
    }
    assert_none("every file begins with its purpose", &faults);
}
