//! Compares printed output with what a document shows.

/// Compares word by word, ignoring spacing. `…` matches any text within a line, or alone on a
/// line any number of lines.
pub fn is_as_shown(shown: &[String], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first.trim() == "…" => {
            (0..=printed.len()).any(|skipped| is_as_shown(rest, &printed[skipped..]))
        }
        (Some((first, rest)), Some((line, more))) => {
            is_line(first, line) && is_as_shown(rest, more)
        }
        _ => false,
    }
}

fn is_line(shown: &str, printed: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed = words(printed);
    let shown = words(shown);
    let mut parts = shown.split('…');
    let Some(mut rest) = parts
        .next()
        .and_then(|first| printed.strip_prefix(first.trim_end()))
    else {
        return false;
    };
    let mut open_end = false;
    for part in parts {
        let part = part.trim();
        open_end = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    open_end || rest.is_empty()
}

#[test]
fn dots_stand_for_what_differs() {
    let is = |shown: &[&str], printed: &[&str]| {
        let shown: Vec<String> = shown.iter().map(|line| (*line).to_owned()).collect();
        is_as_shown(&shown, printed)
    };
    assert!(is(&["in … s, … events/s"], &["in 0.4 s, 20957 events/s"]));
    assert!(is(&[" a    b", "…", "z"], &["a b", "1", "2", "z"]));
    assert!(is(&["…"], &[]));
    assert!(is(&["a …"], &["a b c"]));
    assert!(!is(&["a"], &["a b"]));
    assert!(!is(&["in … s"], &["in 4 m"]));
    assert!(!is(&["a", "b"], &["a"]));
}
