//! Where the skill of a source's xAPI statements stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The part of an xAPI statement that its `skillId` is read from. Its text form is `grouping`,
/// `category`, `definition:IRI` or `context:IRI`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkillFrom {
    /// The id of the first grouping activity that is no course.
    Grouping,
    /// The id of the first category activity that is not the video profile.
    Category,
    /// An extension of the object's definition, by its IRI.
    DefinitionExtension(String),
    /// An extension of the context, by its IRI.
    ContextExtension(String),
}

/// A text that names no such part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be grouping, category, definition:IRI or context:IRI, with an IRI of 1 to 1,024 bytes"
)]
pub struct BadSkillFrom;

impl SkillFrom {
    /// Upper bound of an extension's IRI, bytes.
    pub const IRI_BYTES_MAX: usize = 1024;

    /// Whether the IRI, if there is one, is within its bounds and printable.
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Grouping | Self::Category => true,
            Self::DefinitionExtension(iri) | Self::ContextExtension(iri) => {
                (1..=Self::IRI_BYTES_MAX).contains(&iri.len()) && !iri.chars().any(char::is_control)
            }
        }
    }
}

impl FromStr for SkillFrom {
    type Err = BadSkillFrom;

    fn from_str(text: &str) -> Result<Self, BadSkillFrom> {
        let from = match text.split_once(':') {
            None if text == "grouping" => Self::Grouping,
            None if text == "category" => Self::Category,
            Some(("definition", iri)) => Self::DefinitionExtension(iri.to_owned()),
            Some(("context", iri)) => Self::ContextExtension(iri.to_owned()),
            _ => return Err(BadSkillFrom),
        };
        Some(from).filter(Self::is_valid).ok_or(BadSkillFrom)
    }
}

impl fmt::Display for SkillFrom {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grouping => to.write_str("grouping"),
            Self::Category => to.write_str("category"),
            Self::DefinitionExtension(iri) => write!(to, "definition:{iri}"),
            Self::ContextExtension(iri) => write!(to, "context:{iri}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_as_it_is_written() {
        for text in [
            "grouping",
            "category",
            "definition:https://x.org/skill",
            "context:urn:a:b",
        ] {
            assert_eq!(text.parse::<SkillFrom>().unwrap().to_string(), text);
        }
        let longest = format!("context:{}", "i".repeat(SkillFrom::IRI_BYTES_MAX));
        assert!(longest.parse::<SkillFrom>().is_ok());
        for wrong in [
            "",
            "Grouping",
            "grouping:x",
            "context",
            "context:",
            "definition:a\u{1b}[2J",
            "extension:https://x.org/skill",
            &format!("{longest}i"),
        ] {
            assert_eq!(wrong.parse::<SkillFrom>(), Err(BadSkillFrom), "{wrong}");
        }
    }
}
