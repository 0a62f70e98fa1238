//! A valid configuration, with the origin of each value.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::field::FIELDS;
use super::model::Config;
use super::origin::Origin;

/// A valid configuration, with the origin of each value.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// The values.
    pub config: Config,
    /// By path: the value as TOML, as it was given, and its origin.
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl LoadedConfig {
    pub(super) fn new(config: Config, values: BTreeMap<&'static str, (String, Origin)>) -> Self {
        Self { config, values }
    }

    /// The origin of the value of a field (`section.name`); `None` if there is no such field.
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        self.values.get(path).map(|(_, origin)| origin)
    }

    /// Whether a field (`section.name`) has a value that was given, even if it equals the default.
    /// For fields that are fixed at the founding, only a given value can contradict the cluster's.
    pub fn is_given(&self, path: &str) -> bool {
        self.origin(path)
            .is_some_and(|origin| *origin != Origin::Default)
    }

    /// The configuration in force as TOML, with the origin of each value as a comment.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut current = "";
        for field in FIELDS {
            let (Some((section, name)), Some((value, origin))) =
                (field.path.split_once('.'), self.values.get(field.path))
            else {
                continue;
            };
            if section != current {
                let gap = if current.is_empty() { "" } else { "\n" };
                let _ = writeln!(text, "{gap}[{section}]");
                current = section;
            }
            let setting = format!("{name} = {value}");
            let _ = writeln!(text, "{setting:<44}# {origin}");
        }
        text
    }

    /// Valid settings that are risky, to be logged at the start.
    pub fn warnings(&self) -> Vec<String> {
        let listen = &self.config.listen;
        [("listen.grpc", listen.grpc), ("listen.http", listen.http)]
            .into_iter()
            .filter(|(_, address)| !address.ip().is_loopback())
            .map(|(field, address)| {
                format!(
                    "{field} = {address} is reachable from other machines, without access control or encryption: \
                     everyone on that network can read and write learners' data"
                )
            })
            .collect()
    }
}
