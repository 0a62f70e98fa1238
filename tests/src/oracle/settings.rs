//! The cluster settings that change the meaning of an input.

use std::collections::{BTreeMap, BTreeSet};

/// How an xAPI account becomes a `userId`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ActorForm {
    /// The account's name alone.
    #[default]
    Name,
    /// `homePage|name`.
    HomePageAndName,
}

/// The place in a statement that names its skill. Extensions are given by their IRI.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SkillPlace {
    /// None: statements have no skill.
    #[default]
    Nowhere,
    /// The grouping activities, without courses.
    Groupings,
    /// The category activities, without the video profile.
    Categories,
    /// An extension of the object's definition.
    OfDefinition(String),
    /// An extension of the context.
    OfContext(String),
}

/// The settings of the model.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The receiving clock; without one no event is in the future.
    pub now_ms: Option<i64>,
    /// Events before this are older than the retention; without a floor none are.
    pub floor_ms: Option<i64>,
    /// The most bytes kept of a learner.
    pub learner_bytes_max: u64,
    /// Per event type, the sources that may state it; a type that is not listed is open to all.
    pub authority: BTreeMap<String, BTreeSet<String>>,
    /// Sources whose scores may be up to twice the maximum.
    pub extra_credit: BTreeSet<String>,
    /// The source under which refusals without a source are counted.
    pub listener: String,
    /// The source of xAPI statements.
    pub xapi_source: String,
    /// How xAPI accounts are named.
    pub actor_form: ActorForm,
    /// Where statements name their skill.
    pub skill_place: SkillPlace,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            now_ms: None,
            floor_ms: None,
            learner_bytes_max: 1 << 20,
            authority: BTreeMap::new(),
            extra_credit: BTreeSet::new(),
            listener: "listener:http".into(),
            xapi_source: "xapi".into(),
            actor_form: ActorForm::default(),
            skill_place: SkillPlace::default(),
        }
    }
}

impl Settings {
    /// The floor for a watermark and a retention: rounded down to a whole minute.
    pub fn floor_at(watermark_ms: i64, retention_ms: i64) -> i64 {
        let oldest = watermark_ms - retention_ms;
        oldest - oldest.rem_euclid(60_000)
    }

    /// Whether `source` may state `event_type`.
    pub(crate) fn has_authority(&self, event_type: &str, source: &str) -> bool {
        self.authority
            .get(event_type)
            .is_none_or(|sources| sources.contains(source))
    }
}
