//! Compares a system's windows with the model's.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Value;

use super::window::WindowRow;

/// Largest difference of two equal doubles.
const TOLERANCE: f64 = 1e-9;

/// Learner, start, end.
type Key = (String, i64, i64);

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Windows that are equal.
    pub equal: usize,
    /// One plain sentence for each difference.
    pub differences: Vec<String>,
}

/// Compares the model's windows with lines of JSON in any order.
pub fn compare_rows<L: AsRef<[u8]>>(
    expected: &[WindowRow],
    got: impl IntoIterator<Item = L>,
) -> Comparison {
    let mut comparison = Comparison::default();
    let mut got_by_key: BTreeMap<Key, Value> = BTreeMap::new();
    for line in got {
        let line = line.as_ref();
        let value: Option<Value> = serde_json::from_slice(line).ok();
        match value.as_ref().and_then(key_of) {
            None => comparison
                .differences
                .push(format!("not a window: {}", String::from_utf8_lossy(line))),
            Some(key) => {
                if got_by_key
                    .insert(key.clone(), value.unwrap_or_default())
                    .is_some()
                {
                    comparison
                        .differences
                        .push(format!("{}: came twice", name(&key)));
                }
            }
        }
    }
    for row in expected {
        let key = (row.user_id.clone(), row.window_start_ms, row.window_end_ms);
        let differences = match got_by_key.remove(&key) {
            None => vec!["missing".to_owned()],
            Some(value) => differences(row, &value),
        };
        comparison.equal += usize::from(differences.is_empty());
        comparison.differences.extend(
            differences
                .into_iter()
                .map(|difference| format!("{}: {difference}", name(&key))),
        );
    }
    comparison.differences.extend(
        got_by_key
            .keys()
            .map(|key| format!("{}: not expected", name(key))),
    );
    comparison
}

fn name((user_id, start_ms, end_ms): &Key) -> String {
    format!("{user_id} {start_ms}..{end_ms}")
}

fn key_of(value: &Value) -> Option<Key> {
    let time = |name: &str| value.get(name).and_then(Value::as_i64);
    Some((
        value.get("userId")?.as_str()?.to_owned(),
        time("windowStart")?,
        time("windowEnd")?,
    ))
}

fn differences(row: &WindowRow, got: &Value) -> Vec<String> {
    let whole = |name: &str, expected: i64| {
        let got = got.get(name);
        (got.and_then(Value::as_i64) != Some(expected)).then(|| sentence(name, expected, got))
    };
    let double = |name: &str, expected: Option<f64>| {
        let got = got.get(name);
        let is_equal = match (expected, got) {
            (None, Some(Value::Null)) => true,
            (Some(expected), Some(got)) => got
                .as_f64()
                .is_some_and(|got| (got - expected).abs() <= TOLERANCE),
            _ => false,
        };
        let shown = expected.map_or_else(|| "null".to_owned(), |expected| expected.to_string());
        (!is_equal).then(|| sentence(name, shown, got))
    };
    let checks = [
        whole("clicks", row.clicks as i64),
        whole("quizCount", row.quiz_count as i64),
        double("averageScore", row.average_score),
        whole("videoMs", row.video_ms),
        whole("activeMs", row.active_ms),
        double("engagement", Some(row.engagement)),
    ];
    checks.into_iter().flatten().collect()
}

fn sentence(name: &str, expected: impl Display, got: Option<&Value>) -> String {
    let got = got.map_or_else(|| "nothing".to_owned(), Value::to_string);
    format!("{name} expected {expected}, got {got}")
}
