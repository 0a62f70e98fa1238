//! The cluster's settings. All replicas agree on them, since only log entries change them.

mod bounds;
mod skill_from;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::time::{DAY_MS, MINUTE_MS, PANE_MS, floor_to};

pub(crate) use bounds::EARLIER_SETTINGS_BYTES_MAX;
pub use bounds::{CHANGE_BYTES_MAX, LEARNER_BYTES_MAX, SETTINGS_BYTES_MAX, SettingsError};
pub use skill_from::{BadSkillFrom, SkillFrom};
pub(crate) use stored::{ChangeBefore, SettingsBefore, versioned, versioned_change};

/// All settings that results depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Grows with each change.
    pub version: u64,
    /// How far behind the watermark events are accepted and windows can be read, ms.
    pub retention_ms: i64,
    /// How long after its end (in watermark) a window may change before it is settled, ms.
    pub allowed_lateness_ms: i64,
    /// How far out of order a source's events may be before the watermark passes them, ms.
    pub source_delay_ms: i64,
    /// The handling of events whose window is settled.
    pub late_policy: LatePolicy,
    /// The authoritative sources by event type. Types that are absent are accepted from every
    /// source.
    pub authority: BTreeMap<String, BTreeSet<String>>,
    /// The policies by source.
    pub sources: BTreeMap<String, SourcePolicy>,
    /// The windows that are emitted when they close.
    pub windows: Vec<WindowShape>,
    /// An event type whose handling panics, so that operators can test how poison is contained.
    pub poison_drill_type: Option<String>,
    /// The most bytes that a learner holds, counted by the rule in MEANING.
    pub learner_bytes_max: u64,
}

/// The handling of events whose window is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LatePolicy {
    /// The event counts, and the window is amended.
    #[default]
    Amend,
    /// The event becomes a dead letter.
    DeadLetter,
}

/// How an xAPI account is mapped to a learner's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorForm {
    /// The account's name.
    #[default]
    Name,
    /// `homePage|name`.
    HomePageAndName,
}

/// The policy for one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePolicy {
    /// The source promises events in order of time: no delay, until an event breaks the promise.
    pub ordered: bool,
    /// Allows scores up to twice the maximum.
    pub extra_credit: bool,
    /// Drops unknown fields instead of keeping them as metadata.
    pub drop_unknown_fields: bool,
    /// How the source's xAPI accounts are mapped to learners' ids.
    pub actor_form: ActorForm,
    /// Replaces [`Settings::source_delay_ms`].
    pub delay_ms: Option<i64>,
    /// Where the skill of the source's xAPI statements stands, if anywhere.
    pub skill_from: Option<SkillFrom>,
}

/// Windows of `size_ms` that begin at every multiple of `step_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WindowShape {
    /// A multiple of a pane, ms.
    pub size_ms: i64,
    /// A multiple of a pane that divides the size, ms.
    pub step_ms: i64,
}

/// A change of settings. `None` keeps a value; map entries replace those with the same key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// See [`Settings::retention_ms`].
    pub retention_ms: Option<i64>,
    /// See [`Settings::allowed_lateness_ms`].
    pub allowed_lateness_ms: Option<i64>,
    /// See [`Settings::source_delay_ms`].
    pub source_delay_ms: Option<i64>,
    /// See [`Settings::late_policy`].
    pub late_policy: Option<LatePolicy>,
    /// See [`Settings::authority`]; an empty set removes the restriction.
    pub authority: BTreeMap<String, BTreeSet<String>>,
    /// See [`Settings::sources`]; a default policy removes the entry, which means the same.
    pub sources: BTreeMap<String, SourcePolicy>,
    /// See [`Settings::poison_drill_type`]; an empty text disables it.
    pub poison_drill_type: Option<String>,
    /// See [`Settings::learner_bytes_max`].
    pub learner_bytes_max: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: 1,
            retention_ms: DAY_MS,
            allowed_lateness_ms: 30_000,
            source_delay_ms: 10_000,
            late_policy: LatePolicy::Amend,
            authority: BTreeMap::new(),
            sources: BTreeMap::new(),
            windows: vec![WindowShape::MINUTE, WindowShape::SLIDING],
            poison_drill_type: None,
            learner_bytes_max: 1 << 20,
        }
    }
}

impl WindowShape {
    /// Tumbling minutes, for dashboards.
    pub const MINUTE: Self = Self {
        size_ms: MINUTE_MS,
        step_ms: MINUTE_MS,
    };
    /// 30 s every 5 s, for recommenders.
    pub const SLIDING: Self = Self {
        size_ms: 30_000,
        step_ms: PANE_MS,
    };

    /// Starts of the windows that cover a time, newest first, ms.
    pub fn starts_covering(self, time_ms: i64) -> impl Iterator<Item = i64> {
        let newest = floor_to(time_ms, self.step_ms);
        (0..self.size_ms / self.step_ms).map(move |back| newest - back * self.step_ms)
    }
}

impl Settings {
    /// The policy of a source, or the default policy.
    pub fn source_policy(&self, source: &str) -> &SourcePolicy {
        const DEFAULT: &SourcePolicy = &SourcePolicy {
            ordered: false,
            extra_credit: false,
            drop_unknown_fields: false,
            actor_form: ActorForm::Name,
            delay_ms: None,
            skill_from: None,
        };
        self.sources.get(source).unwrap_or(DEFAULT)
    }

    /// Whether the type has authoritative sources and this is not one of them.
    pub fn is_shadowed(&self, event_type: &str, source: &str) -> bool {
        !self.authority.is_empty()
            && self
                .authority
                .get(event_type)
                .is_some_and(|sources| !sources.contains(source))
    }

    /// These settings with a change applied and the next version number.
    ///
    /// What lies outside the bounds already, from a build that had wider ones, may stay, but not
    /// grow.
    ///
    /// # Errors
    /// When a value is outside its bounds; then nothing is changed.
    pub fn changed(&self, change: &SettingsChange) -> Result<Self, SettingsError> {
        change.check_names()?;
        let new = self.with(change);
        new.check_values()?;
        new.check_sizes(Some(self))?;
        Ok(new)
    }

    /// As [`Self::changed`], by the rules of the build before, which bounded neither names nor
    /// bytes. For changes that are in a log already.
    ///
    /// # Errors
    /// When a value is outside the bounds of that build.
    pub(crate) fn changed_as_before(&self, change: &SettingsChange) -> Result<Self, SettingsError> {
        let new = self.with(change);
        new.check_values()?;
        new.check_entries(None)?;
        Ok(new.trimmed())
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// The first setting that is outside its bounds.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.check_names()?;
        self.check_values()?;
        self.check_sizes(None)
    }

    fn with(&self, change: &SettingsChange) -> Self {
        let mut new = self.clone();
        new.version += 1;
        new.retention_ms = change.retention_ms.unwrap_or(self.retention_ms);
        new.allowed_lateness_ms = change
            .allowed_lateness_ms
            .unwrap_or(self.allowed_lateness_ms);
        new.source_delay_ms = change.source_delay_ms.unwrap_or(self.source_delay_ms);
        new.late_policy = change.late_policy.unwrap_or(self.late_policy);
        new.learner_bytes_max = change.learner_bytes_max.unwrap_or(self.learner_bytes_max);
        for (event_type, sources) in &change.authority {
            if sources.is_empty() {
                new.authority.remove(event_type);
            } else {
                new.authority.insert(event_type.clone(), sources.clone());
            }
        }
        for (source, policy) in &change.sources {
            if *policy == SourcePolicy::default() {
                new.sources.remove(source);
            } else {
                new.sources.insert(source.clone(), policy.clone());
            }
        }
        if let Some(drill) = &change.poison_drill_type {
            new.poison_drill_type = Some(drill.clone()).filter(|drill| !drill.is_empty());
        }
        new
    }
}

#[cfg(test)]
mod tests;
