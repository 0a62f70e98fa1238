//! Bounds on the length of files, functions, comments and documents.

use crate::tree::{assert_none, files, sources};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
/// Columns of a comment, with its indentation.
const COMMENT_COLUMNS_MAX: usize = 100;
/// Words of a decision record; lists and tables do not count.
const RECORD_WORDS_MAX: usize = 300;
const RECORDS: &str = "docs/adr/";
/// The page of present figures, and its lines.
const FIGURES: (&str, usize) = ("docs/PERFORMANCE.md", 150);

#[test]
fn no_file_is_too_long() {
    let long = sources().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{} has {lines} lines", file.path))
    });
    assert_none(
        &format!("files of at most {FILE_LINES_MAX} lines"),
        &long.collect::<Vec<_>>(),
    );
}

#[test]
fn no_function_is_too_long() {
    let mut faults = Vec::new();
    for file in sources() {
        for (name, lines) in functions(&file.text) {
            if lines > FUNCTION_LINES_MAX {
                faults.push(format!("{}: {name} has {lines} lines", file.path));
            }
        }
    }
    assert_none(
        &format!("functions of at most {FUNCTION_LINES_MAX} lines"),
        &faults,
    );
}

#[test]
fn no_comment_is_too_wide() {
    let mut faults = Vec::new();
    for file in sources() {
        for (number, line) in file.text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let columns = line.chars().count();
            if is_comment && columns > COMMENT_COLUMNS_MAX {
                faults.push(format!("{}:{}: {columns}", file.path, number + 1));
            }
        }
    }
    assert_none(
        &format!("comments of at most {COMMENT_COLUMNS_MAX} columns"),
        &faults,
    );
}

#[test]
fn documents_are_short() {
    let mut faults = Vec::new();
    for page in files(&["md"]) {
        let words = prose_words(&page.text);
        if page.path.starts_with(RECORDS) && words > RECORD_WORDS_MAX {
            faults.push(format!("{}: {words} words", page.path));
        }
        let lines = page.text.lines().count();
        if page.path == FIGURES.0 && lines > FIGURES.1 {
            faults.push(format!("{}: {lines} lines", page.path));
        }
    }
    assert_none(
        &format!(
            "decision records of at most {RECORD_WORDS_MAX} words, {} of at most {} lines",
            FIGURES.0, FIGURES.1
        ),
        &faults,
    );
}

/// Words outside lists and tables. An indented line belongs to the item of a list above it.
fn prose_words(text: &str) -> usize {
    let is_listed = |line: &&str| {
        let number = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
        line.starts_with(['-', '*', '|', ' ']) && !line.starts_with("**")
            || number.len() < line.len() && number.starts_with(". ")
    };
    let prose = text.lines().filter(|line| !is_listed(line));
    prose.map(|line| line.split_whitespace().count()).sum()
}

/// Functions with their lines, from the signature to the closing brace that rustfmt puts under it.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (begin, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let is_end = |line: &&str| {
            line.len() - line.trim_start().len() == indent && line.trim_start().starts_with('}')
        };
        let one_line = line.ends_with('}') || line.ends_with(';');
        let rest = lines[begin + 1..].iter().position(is_end);
        if let (false, Some(rest)) = (one_line, rest) {
            found.push((name, rest + 2));
        }
    }
    found
}

/// The name in a line that begins a function.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.peek() {
        let qualifier = word.starts_with("pub")
            || ["async", "const", "unsafe", "extern", "default"].contains(word);
        if *word == "fn" || !qualifier {
            break;
        }
        words.next();
    }
    if words.next() != Some("fn") {
        return None;
    }
    let name = words.next()?;
    Some(name.split(['(', '<']).next()?.to_owned())
}

#[test]
fn functions_are_measured_from_signature_to_brace() {
    let text = "impl A {\n    pub(crate) async fn one(\n        &self,\n    ) {\n        if a {\n        }\n    }\n\n    fn two() {}\n}\n";
    assert_eq!(functions(text), [("one".to_owned(), 6)]);
}

#[test]
fn words_of_lists_do_not_count() {
    let text = "# 1. A title\n\n**Context.** One two.\n- an item\n  of a list\n* another\n2. a third\n| a | table |\nlast";
    assert_eq!(prose_words(text), 3 + 1 + 3 + 1);
}
