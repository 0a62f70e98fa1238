//! The stored form of settings and of their changes: a version byte, then the fields.
//!
//! Entries, shard states and the control plane's records contain it as bytes with a length, so that
//! a new field needs a new version here only. The build before wrote the fields in place, without a
//! version; its records' own versions say so, and the types here read them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ActorForm, LatePolicy, Settings, SettingsChange, SourcePolicy, WindowShape};
use crate::wire::{self, DecodeError};

/// Version of the fields. Version 1 is that of [`SettingsBefore`], which has no version byte.
const SETTINGS_VERSION: u8 = 2;

impl Settings {
    /// The versioned encoding.
    pub(crate) fn encode(&self) -> Vec<u8> {
        wire::encode(SETTINGS_VERSION, self)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode(SETTINGS_VERSION, bytes)
    }
}

/// [`Settings`] as bytes within another encoding.
pub(crate) mod versioned {
    use serde::{Deserializer, Serializer, de::Error};

    use super::Settings;

    pub(crate) fn serialize<S: Serializer>(
        it: &Settings,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(&it.encode(), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Settings, D::Error> {
        let bytes: Vec<u8> = serde_bytes::deserialize(from)?;
        Settings::decode(&bytes).map_err(D::Error::custom)
    }
}

/// [`SettingsChange`] as bytes within another encoding.
pub(crate) mod versioned_change {
    use serde::{Deserializer, Serializer, de::Error};

    use super::{SETTINGS_VERSION, SettingsChange, wire};

    pub(crate) fn serialize<S: Serializer>(it: &SettingsChange, to: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(&wire::encode(SETTINGS_VERSION, it), to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<SettingsChange, D::Error> {
        let bytes: Vec<u8> = serde_bytes::deserialize(from)?;
        wire::decode(SETTINGS_VERSION, &bytes).map_err(D::Error::custom)
    }
}

/// [`Settings`] as the build before stored them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettingsBefore {
    version: u64,
    retention_ms: i64,
    allowed_lateness_ms: i64,
    source_delay_ms: i64,
    late_policy: LatePolicy,
    authority: BTreeMap<String, BTreeSet<String>>,
    sources: BTreeMap<String, PolicyBefore>,
    windows: Vec<WindowShape>,
    poison_drill_type: Option<String>,
}

/// [`SettingsChange`] as the build before stored it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChangeBefore {
    retention_ms: Option<i64>,
    allowed_lateness_ms: Option<i64>,
    source_delay_ms: Option<i64>,
    late_policy: Option<LatePolicy>,
    authority: BTreeMap<String, BTreeSet<String>>,
    sources: BTreeMap<String, PolicyBefore>,
    poison_drill_type: Option<String>,
}

/// [`SourcePolicy`] as the build before stored it.
#[derive(Debug, Serialize, Deserialize)]
struct PolicyBefore {
    ordered: bool,
    extra_credit: bool,
    drop_unknown_fields: bool,
    actor_form: ActorForm,
    delay_ms: Option<i64>,
}

impl From<SettingsBefore> for Settings {
    fn from(it: SettingsBefore) -> Self {
        let read = Self {
            version: it.version,
            retention_ms: it.retention_ms,
            allowed_lateness_ms: it.allowed_lateness_ms,
            source_delay_ms: it.source_delay_ms,
            late_policy: it.late_policy,
            authority: it.authority,
            sources: policies(it.sources),
            windows: it.windows,
            poison_drill_type: it.poison_drill_type,
            ..Self::default()
        };
        read.trimmed()
    }
}

impl From<ChangeBefore> for SettingsChange {
    fn from(it: ChangeBefore) -> Self {
        Self {
            retention_ms: it.retention_ms,
            allowed_lateness_ms: it.allowed_lateness_ms,
            source_delay_ms: it.source_delay_ms,
            late_policy: it.late_policy,
            authority: it.authority,
            sources: policies(it.sources),
            poison_drill_type: it.poison_drill_type,
            ..Self::default()
        }
    }
}

impl From<PolicyBefore> for SourcePolicy {
    fn from(it: PolicyBefore) -> Self {
        Self {
            ordered: it.ordered,
            extra_credit: it.extra_credit,
            drop_unknown_fields: it.drop_unknown_fields,
            actor_form: it.actor_form,
            delay_ms: it.delay_ms,
            skill_from: None,
        }
    }
}

fn policies(before: BTreeMap<String, PolicyBefore>) -> BTreeMap<String, SourcePolicy> {
    let policies = before.into_iter();
    policies
        .map(|(source, policy)| (source, policy.into()))
        .collect()
}
