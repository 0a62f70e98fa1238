//! Banned words: of the machine that the project was written on, of how it came about, and of
//! people where the code is meant.

use crate::tree::{assert_none, files};

/// In two parts each, so that this file does not contain them.
const BANNED: [(&str, &str); 4] = [
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("iss", "ue #"), "how the project came about"),
    (concat!("Iss", "ue #"), "how the project came about"),
];

/// Phrases that tell of people where the code is meant. A better sentence has the code as its
/// subject.
const STORYTELLING: [&str; 13] = [
    concat!("so ma", "ny"),
    concat!("so mu", "ch"),
    concat!("to", "ld"),
    concat!("who", "ever"),
    concat!("who", "m"),
    concat!("let ", "go"),
    concat!("lets ", "go"),
    concat!("asl", "eep"),
    concat!("slee", "per"),
    concat!("slee", "pers"),
    concat!("nob", "ody"),
    concat!("someb", "ody"),
    concat!("chor", "es"),
];
/// Lines of Rust and Markdown that may have one. Only to be lowered.
const STORYTELLING_LINES_MAX: usize = 8;

/// In this project the word means a learner's session; a number after it means something else.
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

#[test]
fn the_code_is_the_subject() {
    let mut lines = Vec::new();
    for file in files(&["rs", "md"]) {
        let has_phrase = |line: &str| STORYTELLING.iter().any(|phrase| has_phrase(line, phrase));
        let found = file
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| has_phrase(line));
        lines.extend(found.map(|(number, line)| format!("{}:{}: {line}", file.path, number + 1)));
    }
    if lines.len() > STORYTELLING_LINES_MAX {
        assert_none(
            &format!("at most {STORYTELLING_LINES_MAX} lines tell a story about people"),
            &lines,
        );
    }
}

/// Whether a line has a phrase, as whole words, in any case.
fn has_phrase(line: &str, phrase: &str) -> bool {
    let line = line.to_lowercase();
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(phrase).any(|(at, _)| {
        !line[..at].ends_with(is_part) && !line[at + phrase.len()..].starts_with(is_part)
    })
}

#[test]
fn phrases_are_whole_words() {
    let phrase = STORYTELLING[2];
    assert!(has_phrase(
        &format!("He {}, and", phrase.to_uppercase()),
        phrase
    ));
    assert!(!has_phrase(&format!("un{phrase}"), phrase));
}

fn names_a_numbered(line: &str) -> bool {
    line.match_indices(NUMBERED)
        .any(|(at, _)| line[at + NUMBERED.len()..].starts_with(|next: char| next.is_ascii_digit()))
}
