//! Typed reading of one JSON object's fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reason::Reason;

/// The fields of an object. Reading a field removes it; what remains is unknown.
pub(crate) struct Fields {
    remaining: Map<String, Value>,
}

impl Fields {
    pub(crate) fn of(object: Map<String, Value>) -> Fields {
        Fields { remaining: object }
    }

    /// The first of `names` with a value; null and the empty string count as absent.
    pub(crate) fn value(&mut self, names: &[&str]) -> Option<Value> {
        let held: Vec<Value> = names
            .iter()
            .filter_map(|name| self.remaining.remove(*name))
            .collect();
        held.into_iter()
            .find(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub(crate) fn text(&mut self, names: &[&str]) -> Result<Option<String>, Reason> {
        match self.value(names) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Reason::SchemaMismatch),
        }
    }

    pub(crate) fn number(
        &mut self,
        name: &str,
        scale_alias: Option<&str>,
    ) -> Result<Option<f64>, Reason> {
        let (value, scale) = match (self.value(&[name]), scale_alias) {
            (None, Some(alias)) => (self.value(&[alias]), 1_000.0),
            (Some(value), Some(alias)) => {
                self.remaining.remove(alias);
                (Some(value), 1.0)
            }
            (value, None) => (value, 1.0),
        };
        match value {
            None => Ok(None),
            Some(value) => value
                .as_f64()
                .map(|number| Some(number * scale))
                .ok_or(Reason::SchemaMismatch),
        }
    }

    pub(crate) fn truth(&mut self, name: &str) -> Result<Option<bool>, Reason> {
        match self.value(&[name]) {
            None => Ok(None),
            Some(value) => value.as_bool().map(Some).ok_or(Reason::SchemaMismatch),
        }
    }

    pub(crate) fn whole(&mut self, name: &str) -> Result<Option<u64>, Reason> {
        match self.value(&[name]) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(Reason::SchemaMismatch),
        }
    }

    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Reason> {
        match self.value(&[name]) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(Reason::SchemaMismatch),
        }
    }

    /// The unknown fields.
    pub(crate) fn rest(self) -> BTreeMap<String, Value> {
        self.remaining.into_iter().collect()
    }
}
