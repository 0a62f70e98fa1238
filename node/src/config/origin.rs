//! The origins of values.

use std::fmt;
use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider, Source};

use super::field::{Kind, kind_of};

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The built-in default.
    Default,
    /// The file given by `--config`.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// A flag, by name.
    Flag(&'static str),
}

/// One value from the environment or the command line.
#[derive(Clone, Debug)]
pub(super) struct Override {
    pub origin: Origin,
    /// `section.name`.
    pub path: String,
    pub text: String,
}

/// Each flag and the field that it sets.
pub(super) const FLAGS: [(&str, &str); 7] = [
    ("--data-dir", "node.data_dir"),
    ("--grpc", "listen.grpc"),
    ("--http", "listen.http"),
    ("--shards", "node.shards"),
    ("--retention", "founding.retention"),
    ("--log-level", "log_output.level"),
    ("--log-format", "log_output.format"),
];

/// Prefix of the environment variables.
const ENVIRONMENT_PREFIX: &str = "HOMEROOM__";

impl Origin {
    /// The origin of a value from one of our providers.
    pub(super) fn of(metadata: Option<&Metadata>) -> Self {
        let Some(metadata) = metadata else {
            return Self::Default;
        };
        if let Some(path) = metadata.source.as_ref().and_then(Source::file_path) {
            return Self::File(path.to_owned());
        }
        let flag = FLAGS.iter().find(|(flag, _)| metadata.name == **flag);
        match flag {
            Some((flag, _)) => Self::Flag(flag),
            None if metadata.name.starts_with(ENVIRONMENT_PREFIX) => {
                Self::Environment(metadata.name.to_string())
            }
            None => Self::Default,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

impl Override {
    /// The value of an environment variable; `None` if it is not one of the configuration's.
    pub(super) fn from_environment(name: &str, text: &str) -> Option<Self> {
        let path = name.strip_prefix(ENVIRONMENT_PREFIX)?;
        Some(Self {
            origin: Origin::Environment(name.to_owned()),
            path: path.to_ascii_lowercase().replace("__", "."),
            text: text.to_owned(),
        })
    }

    /// These origins provide text only. It becomes a number if the field holds numbers.
    fn value(&self) -> Value {
        let number = match kind_of(&self.path) {
            Some(Kind::Integer(..) | Kind::Size(..)) => self.text.trim().parse::<i64>().ok(),
            _ => None,
        };
        number.map_or_else(|| Value::from(self.text.as_str()), Value::from)
    }
}

impl Provider for Override {
    fn metadata(&self) -> Metadata {
        match &self.origin {
            Origin::Environment(name) => Metadata::named(name.clone()),
            Origin::Flag(name) => Metadata::named(*name),
            Origin::Default | Origin::File(_) => Metadata::default(),
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = self.path.rsplit('.').fold(self.value(), |value, key| {
            Value::from(Dict::from([(key.to_owned(), value)]))
        });
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}
