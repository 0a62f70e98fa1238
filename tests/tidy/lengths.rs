//! A file is read in one sitting, a function without scrolling.

use crate::tree::{assert_none, sources};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

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
