//! The faults of a configuration.

use std::fmt;

use figment::value::Value;

use super::origin::Origin;

/// One fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `section.name`; the path, if a whole file is at fault.
    pub field: String,
    /// The given value as TOML; `None` if the fault is not in a single value.
    pub value: Option<String>,
    /// What is valid.
    pub expected: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// All faults of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.faults))]
pub struct ConfigError {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        write!(f, " (from {}): {}", self.origin, self.expected)
    }
}

fn lines(faults: &[Fault]) -> String {
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    let mut text = format!("{count} in the configuration");
    for fault in faults {
        text.push_str(&format!("\n  {fault}"));
    }
    text
}

/// A value as TOML.
pub(super) fn shown(value: &Value) -> String {
    match toml::Value::try_from(value) {
        Ok(value) => value.to_string(),
        // A number that TOML can't represent.
        Err(_) => format!("{value:?}"),
    }
}
