//! Builds the configuration from its sources, and finds all faults in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use figment::providers::{Data, Format, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Provider};

use super::cli::ConfigArgs;
use super::fault::{ConfigError, Fault, shown};
use super::field::{FIELDS, kind_of};
use super::loaded::LoadedConfig;
use super::model::Config;
use super::origin::{Origin, Override};
use super::relations::relation_faults;

const DEFAULTS: &str = include_str!("defaults.toml");

/// The sources of a configuration, besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub(super) file: Option<PathBuf>,
    /// In rising order of precedence.
    pub(super) overrides: Vec<Override>,
}

impl Sources {
    /// The sources that the command line names, and the variables of the environment.
    pub fn new(args: &ConfigArgs, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = environment
            .into_iter()
            .filter_map(|(name, text)| Override::from_environment(&name, &text));
        Self {
            file: args.config.clone(),
            overrides: variables.chain(args.overrides()).collect(),
        }
    }

    /// The same, with this process's environment.
    pub fn of_process(args: &ConfigArgs) -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        Self::new(args, environment)
    }
}

/// Builds the configuration: defaults ◀ file ◀ environment ◀ flags.
///
/// # Errors
/// All faults of the configuration at once.
pub fn load(sources: &Sources) -> Result<LoadedConfig, ConfigError> {
    let defaults = Figment::from(Toml::string(DEFAULTS));
    let (figment, mut faults) = merge(defaults.clone(), sources);
    let defaults = root_of(&defaults);
    let mut merged = root_of(&figment);
    let origin_of = |value: &Value| Origin::of(figment.get_metadata(value.tag()));

    faults.extend(unknown_keys(&mut merged, &origin_of));
    let mut faulty = BTreeSet::new();
    for field in FIELDS {
        let given = merged.find_ref(field.path);
        if given.is_some_and(|value| field.kind.accepts(value)) {
            continue;
        }
        faulty.insert(field.path);
        if let Some(value) = given {
            faults.push(Fault {
                field: field.path.to_owned(),
                value: Some(shown(value)),
                expected: format!("must be {}", field.kind.bounds()),
                origin: origin_of(value),
            });
        }
        // With the default in its place, the relations between the other fields can still be
        // checked.
        let default = defaults.find_ref(field.path).cloned();
        replace(&mut merged, field.path, default);
    }

    let config: Config = merged.deserialize().map_err(|e| whole_fault(&e))?;
    let values: BTreeMap<&'static str, (String, Origin)> = FIELDS
        .iter()
        .filter_map(|field| Some((field.path, merged.find_ref(field.path)?)))
        .map(|(path, value)| (path, (shown(value), origin_of(value))))
        .collect();
    faults.extend(relation_faults(&config, &values, &faulty));
    if faults.is_empty() {
        Ok(LoadedConfig::new(config, values))
    } else {
        Err(ConfigError { faults })
    }
}

/// Merges all sources. A file that can't be read is a fault, and is left out.
fn merge(defaults: Figment, sources: &Sources) -> (Figment, Vec<Fault>) {
    let mut figment = defaults;
    let mut faults = Vec::new();
    if let Some(path) = &sources.file {
        let file = Data::<Toml>::file_exact(path);
        match file.data() {
            Ok(_) => figment = figment.merge(file),
            Err(e) => faults.push(Fault {
                field: path.display().to_string(),
                value: None,
                expected: format!("must be a readable TOML file: {}", e.kind),
                origin: Origin::Flag("--config"),
            }),
        }
    }
    for given in &sources.overrides {
        figment = figment.merge(given);
    }
    (figment, faults)
}

fn root_of(figment: &Figment) -> Value {
    figment
        .find_value("")
        .expect("each provider's data was looked at before it was merged")
}

/// Removes keys that are not fields, each as a fault.
fn unknown_keys(merged: &mut Value, origin_of: &dyn Fn(&Value) -> Origin) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut refuse = |path: String, value: &Value, expected: String| {
        faults.push(Fault {
            field: path,
            value: (value.as_dict().is_none()).then(|| shown(value)),
            expected,
            origin: origin_of(value),
        });
    };
    let Value::Dict(_, root) = merged else {
        return faults;
    };
    root.retain(|section, value| {
        let known = names_in(section);
        if known.is_empty() {
            refuse(
                section.clone(),
                value,
                "there is no such section".to_owned(),
            );
            return false;
        }
        let Value::Dict(_, fields) = value else {
            refuse(section.clone(), value, "must be a section".to_owned());
            return false;
        };
        fields.retain(|name, value| {
            let path = format!("{section}.{name}");
            let is_known = kind_of(&path).is_some();
            if !is_known {
                let expected = format!("there is no such field; there are {}", known.join(", "));
                refuse(path, value, expected);
            }
            is_known
        });
        true
    });
    faults
}

/// The fields of a section.
fn names_in(section: &str) -> Vec<&'static str> {
    let split = FIELDS.iter().filter_map(|field| field.path.split_once('.'));
    split
        .filter(|(of, _)| *of == section)
        .map(|(_, name)| name)
        .collect()
}

fn replace(root: &mut Value, path: &str, value: Option<Value>) {
    let (Value::Dict(tag, sections), Some((section, name)), Some(value)) =
        (root, path.split_once('.'), value)
    else {
        return;
    };
    let section = sections
        .entry(section.to_owned())
        .or_insert_with(|| Value::Dict(*tag, Dict::new()));
    if let Value::Dict(_, fields) = section {
        fields.insert(name.to_owned(), value);
    }
}

fn whole_fault(error: &figment::Error) -> ConfigError {
    ConfigError {
        faults: vec![Fault {
            field: error.path.join("."),
            value: None,
            expected: error.kind.to_string(),
            origin: Origin::of(error.metadata.as_ref()),
        }],
    }
}
