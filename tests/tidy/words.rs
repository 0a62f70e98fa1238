//! The project speaks of itself and of its field: not of the machine it was written on, nor of how it came about.

use crate::tree::{assert_none, files};

/// Put together here, so that this file does not hold what it looks for.
const BANNED: [(&str, &str); 4] = [
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("iss", "ue #"), "how the project came about"),
    (concat!("Iss", "ue #"), "how the project came about"),
];

/// A word that means a learner's session here, and nothing with a number behind it.
const NUMBERED: &str = concat!("sess", "ion ");

#[test]
fn words_of_elsewhere_have_no_place() {
    let mut faults = Vec::new();
    for file in files(&[
        "rs", "md", "toml", "proto", "yml", "yaml", "sh", "py", "service", "",
    ]) {
        for (number, line) in file.text.lines().enumerate() {
            let banned = BANNED.iter().find(|(word, _)| line.contains(word));
            if let Some((word, why)) = banned {
                faults.push(format!("{}:{}: {word:?} is {why}", file.path, number + 1));
            }
            if names_a_numbered(line) {
                faults.push(format!(
                    "{}:{}: a numbered {NUMBERED}",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    assert_none("words of elsewhere have no place", &faults);
}

fn names_a_numbered(line: &str) -> bool {
    line.match_indices(NUMBERED)
        .any(|(at, _)| line[at + NUMBERED.len()..].starts_with(|next: char| next.is_ascii_digit()))
}
