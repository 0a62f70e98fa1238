//! Parses `KEY=VALUE` into a change of settings.

use std::str::FromStr;

use homeroom_client::v1;
use thiserror::Error;

use crate::args::{bytes, duration_ms};

/// One `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SettingChange {
    Retention(i64),
    AllowedLateness(i64),
    SourceDelay(i64),
    LatePolicy(v1::LatePolicy),
    LearnerBytesMax(u64),
    Authority {
        event_type: String,
        sources: Vec<String>,
    },
    Source {
        name: String,
        field: SourceField,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum SourceField {
    Ordered(bool),
    Delay(i64),
    ExtraCredit(bool),
    DropUnknownFields(bool),
    ActorForm(v1::ActorForm),
    /// The node checks it.
    SkillFrom(String),
}

#[derive(Debug, Error, PartialEq)]
pub(super) enum SettingError {
    #[error("write KEY=VALUE")]
    NoValue,
    #[error("there is no setting `{0}`; see `homeroom settings set --help`")]
    UnknownKey(String),
    #[error("{key}: {message}")]
    BadValue { key: String, message: String },
}

impl FromStr for SettingChange {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let (key, value) = text.split_once('=').ok_or(SettingError::NoValue)?;
        let unknown = || SettingError::UnknownKey(key.to_owned());
        let bad = |message| SettingError::BadValue {
            key: key.to_owned(),
            message,
        };
        if let Some(event_type) = key
            .strip_prefix("authority.")
            .filter(|name| !name.is_empty())
        {
            let sources = value
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            let sources = sources.map(str::to_owned).collect();
            return Ok(Self::Authority {
                event_type: event_type.to_owned(),
                sources,
            });
        }
        if let Some(rest) = key.strip_prefix("sources.") {
            // The last dot: a source's name may contain dots.
            let (name, field) = rest.rsplit_once('.').ok_or_else(unknown)?;
            let field = SourceField::parse(field, value)
                .ok_or_else(unknown)?
                .map_err(bad)?;
            return Ok(Self::Source {
                name: name.to_owned(),
                field,
            });
        }
        match key {
            "retention" => duration_ms(value).map(Self::Retention).map_err(bad),
            "allowed-lateness" => duration_ms(value).map(Self::AllowedLateness).map_err(bad),
            "source-delay" => duration_ms(value).map(Self::SourceDelay).map_err(bad),
            "learner-bytes-max" => bytes(value).map(Self::LearnerBytesMax).map_err(bad),
            "late-policy" => late_policy(value).map(Self::LatePolicy).map_err(bad),
            _ => Err(unknown()),
        }
    }
}

impl SourceField {
    /// None for an unknown field.
    fn parse(field: &str, value: &str) -> Option<Result<Self, String>> {
        Some(match field {
            "ordered" => truth(value).map(Self::Ordered),
            "delay" => duration_ms(value).map(Self::Delay),
            "extra-credit" => truth(value).map(Self::ExtraCredit),
            "drop-unknown-fields" => truth(value).map(Self::DropUnknownFields),
            "actor-form" => actor_form(value).map(Self::ActorForm),
            "skill-from" => Ok(Self::SkillFrom(value.to_owned())),
            _ => return None,
        })
    }

    fn apply(&self, policy: &mut v1::SourcePolicy) {
        match self {
            Self::Ordered(value) => policy.ordered = Some(*value),
            Self::Delay(ms) => policy.delay_ms = Some(*ms),
            Self::ExtraCredit(value) => policy.extra_credit = Some(*value),
            Self::DropUnknownFields(value) => policy.drop_unknown_fields = Some(*value),
            Self::ActorForm(form) => policy.set_actor_form(*form),
            Self::SkillFrom(from) => policy.skill_from.clone_from(from),
        }
    }
}

impl SettingChange {
    pub(super) fn is_of_a_source(&self) -> bool {
        matches!(self, Self::Source { .. })
    }

    /// Adds this change to `update`. `present` has the source's present policy.
    pub(super) fn apply(&self, present: &v1::Settings, update: &mut v1::Settings) {
        match self {
            Self::Retention(ms) => update.retention_ms = Some(*ms),
            Self::AllowedLateness(ms) => update.allowed_lateness_ms = Some(*ms),
            Self::SourceDelay(ms) => update.source_delay_ms = Some(*ms),
            Self::LatePolicy(policy) => update.set_late_policy(*policy),
            Self::LearnerBytesMax(bytes) => update.learner_bytes_max = Some(*bytes),
            Self::Authority {
                event_type,
                sources,
            } => {
                let sources = v1::AuthoritativeSources {
                    sources: sources.clone(),
                };
                update.authority.insert(event_type.clone(), sources);
            }
            Self::Source { name, field } => {
                let policy = update.sources.entry(name.clone());
                let policy = policy
                    .or_insert_with(|| present.sources.get(name).cloned().unwrap_or_default());
                field.apply(policy);
            }
        }
    }
}

fn truth(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "write true or false".to_owned())
}

fn late_policy(value: &str) -> Result<v1::LatePolicy, String> {
    match value {
        "amend" => Ok(v1::LatePolicy::Amend),
        "dead_letter" => Ok(v1::LatePolicy::DeadLetter),
        _ => Err("write amend or dead_letter".to_owned()),
    }
}

fn actor_form(value: &str) -> Result<v1::ActorForm, String> {
    match value {
        "name" => Ok(v1::ActorForm::Name),
        "home_page_and_name" => Ok(v1::ActorForm::HomePageAndName),
        _ => Err("write name or home_page_and_name".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_source_add_up_on_what_it_has() {
        let mut present = v1::Settings::default();
        let policy = v1::SourcePolicy {
            delay_ms: Some(7),
            ..Default::default()
        };
        present.sources.insert("lms.eu".into(), policy);
        let mut update = v1::Settings::default();
        for text in [
            "sources.lms.eu.ordered=true",
            "sources.lms.eu.actor-form=name",
            "sources.lms.eu.skill-from=context:https://x.org/skill",
            "retention=10d",
            "learner-bytes-max=2MiB",
        ] {
            let change: SettingChange = text.parse().expect(text);
            change.apply(&present, &mut update);
        }
        assert_eq!(update.retention_ms, Some(864_000_000));
        assert_eq!(update.source_delay_ms, None);
        assert_eq!(update.learner_bytes_max, Some(2 << 20));
        let policy = &update.sources["lms.eu"];
        assert_eq!((policy.ordered, policy.delay_ms), (Some(true), Some(7)));
        assert_eq!(policy.actor_form(), v1::ActorForm::Name);
        assert_eq!(policy.skill_from, "context:https://x.org/skill");
    }

    #[test]
    fn an_authority_may_be_lifted() {
        let parsed: Result<SettingChange, _> = "authority.quiz_submitted=lms, assessment".parse();
        let (event_type, sources) = (
            "quiz_submitted".to_owned(),
            vec!["lms".into(), "assessment".into()],
        );
        assert_eq!(
            parsed,
            Ok(SettingChange::Authority {
                event_type: event_type.clone(),
                sources
            })
        );
        let lifted: Result<SettingChange, _> = "authority.quiz_submitted=".parse();
        assert_eq!(
            lifted,
            Ok(SettingChange::Authority {
                event_type,
                sources: vec![]
            })
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let parse = |text: &str| text.parse::<SettingChange>().expect_err(text);
        assert_eq!(parse("retention"), SettingError::NoValue);
        assert_eq!(parse("x=1"), SettingError::UnknownKey("x".into()));
        assert_eq!(
            parse("sources.lms.x=1"),
            SettingError::UnknownKey("sources.lms.x".into())
        );
        for text in [
            "retention=10",
            "late-policy=drop",
            "learner-bytes-max=1GB",
            "sources.lms.ordered=yes",
        ] {
            assert!(
                matches!(parse(text), SettingError::BadValue { .. }),
                "{text}"
            );
        }
    }
}
