//! Every source file begins with its purpose.

use crate::tree::{assert_none, sources};

/// Files without a header. Only to be shortened.
const WITHOUT_HEADER: [&str; 0] = [];

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
