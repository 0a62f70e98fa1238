//! The bounds of settings: of each value, of each name, of the entries, and of all in bytes.

use super::{Settings, SettingsChange, SourcePolicy};
use crate::time::{DAY_MS, HOUR_MS};

/// The most bytes that encoded settings take.
pub const SETTINGS_BYTES_MAX: usize = 256 << 10;
/// The largest [`Settings::learner_bytes_max`].
pub const LEARNER_BYTES_MAX: usize = 16 << 20;
/// The most bytes that an encoded change takes: names to remove, and what it sets.
pub const CHANGE_BYTES_MAX: usize =
    ENTRIES_MAX * 2 * (NAME_BYTES_MAX + ENTRY_BYTES_MAX) + SETTINGS_BYTES_MAX;
/// The most bytes of settings that the build before stored, as they are read: see
/// [`Settings::trimmed`].
pub(crate) const EARLIER_SETTINGS_BYTES_MAX: usize = 8 << 20;

/// The most bytes of a name of a source or an event type; an event has no longer ones.
const NAME_BYTES_MAX: usize = 1_024;
/// The most entries in each map, and of sources for one event type.
const ENTRIES_MAX: usize = 1_000;
/// The most bytes of an encoded entry besides its name.
const ENTRY_BYTES_MAX: usize = 64;
/// The most shapes of windows that are emitted.
const WINDOWS_MAX: usize = 16;
/// The bounds of [`Settings::learner_bytes_max`].
const LEARNER_BYTES: std::ops::RangeInclusive<u64> = 64 << 10..=LEARNER_BYTES_MAX as u64;

/// A setting outside its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {bounds}, not {value}")]
pub struct SettingsError {
    /// The setting, as the CLI names it.
    pub name: &'static str,
    /// The allowed values, in words.
    pub bounds: &'static str,
    /// The given value, or its size.
    pub value: String,
}

impl Settings {
    pub(super) fn check_values(&self) -> Result<(), SettingsError> {
        let (hour, days) = ("between 0 and 1 h", "between 1 h and 400 d");
        let own_delays = self.sources.values().filter_map(|policy| policy.delay_ms);
        let times = [
            ("retention", self.retention_ms, HOUR_MS, 400 * DAY_MS, days),
            (
                "allowed-lateness",
                self.allowed_lateness_ms,
                0,
                HOUR_MS,
                hour,
            ),
            ("source-delay", self.source_delay_ms, 0, HOUR_MS, hour),
        ];
        let delays = own_delays.map(|delay_ms| ("sources.….delay", delay_ms, 0, HOUR_MS, hour));
        for (name, value, least, most, bounds) in times.into_iter().chain(delays) {
            if !(least..=most).contains(&value) {
                return Err(outside(name, bounds, format!("{value} ms")));
            }
        }
        let skills = self
            .sources
            .values()
            .filter_map(|it| it.skill_from.as_ref());
        if let Some(wrong) = skills.into_iter().find(|from| !from.is_valid()) {
            let bounds = "a printable IRI of 1 to 1,024 bytes, where it names an extension";
            let value = format!("{} bytes", wrong.to_string().len());
            return Err(outside("sources.….skill-from", bounds, value));
        }
        if !LEARNER_BYTES.contains(&self.learner_bytes_max) {
            let value = format!("{} bytes", self.learner_bytes_max);
            return Err(outside(
                "learner-bytes-max",
                "between 64 KiB and 16 MiB",
                value,
            ));
        }
        Ok(())
    }

    /// Checks all names.
    pub(super) fn check_names(&self) -> Result<(), SettingsError> {
        self.authority
            .keys()
            .try_for_each(|name| check_name("authority", name))?;
        let authoritative = self.authority.values().flatten();
        authoritative
            .into_iter()
            .try_for_each(|name| check_name("authority", name))?;
        self.sources
            .keys()
            .try_for_each(|name| check_name("sources", name))?;
        let mut drill = self.poison_drill_type.iter();
        drill.try_for_each(|name| check_name("poison-drill-type", name))
    }

    /// Checks the number of entries in each map, unless there were as many `before`.
    pub(super) fn check_entries(&self, before: Option<&Self>) -> Result<(), SettingsError> {
        for (name, of) in [
            ("authority", (|it| it.authority.len()) as fn(&Self) -> usize),
            ("sources", |it| it.sources.len()),
        ] {
            let (entries, had) = (of(self), before.map_or(0, of));
            if entries > ENTRIES_MAX.max(had) {
                return Err(outside(name, "at most 1,000 entries", entries.to_string()));
            }
        }
        Ok(())
    }

    /// Checks the number of everything, and the bytes of all, unless there were as many `before`.
    pub(super) fn check_sizes(&self, before: Option<&Self>) -> Result<(), SettingsError> {
        self.check_entries(before)?;
        for (event_type, sources) in &self.authority {
            let had = before.and_then(|before| before.authority.get(event_type));
            if sources.len() > ENTRIES_MAX.max(had.map_or(0, |had| had.len())) {
                let bounds = "at most 1,000 sources for one event type";
                return Err(outside("authority", bounds, sources.len().to_string()));
            }
        }
        if self.windows.len() > WINDOWS_MAX {
            let windows = self.windows.len().to_string();
            return Err(outside("windows", "at most 16 shapes", windows));
        }
        let (bytes, had) = (self.encoded_len(), before.map_or(0, Self::encoded_len));
        if bytes > SETTINGS_BYTES_MAX.max(had) {
            let bounds = "at most 256 KiB together";
            return Err(outside("settings", bounds, format!("{bytes} bytes")));
        }
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.encode().len()
    }

    /// Settings of the build before, which bounded neither names nor bytes, without what has no
    /// effect: names that no event can have, and default policies. Above
    /// [`EARLIER_SETTINGS_BYTES_MAX`], which only lists of sources can reach then, the authorities
    /// go too.
    #[must_use]
    pub(crate) fn trimmed(mut self) -> Self {
        let can_be = |name: &String| name.len() <= NAME_BYTES_MAX;
        self.authority.retain(|event_type, _| can_be(event_type));
        for sources in self.authority.values_mut() {
            sources.retain(can_be);
        }
        self.sources
            .retain(|source, policy| can_be(source) && *policy != SourcePolicy::default());
        self.poison_drill_type = self.poison_drill_type.filter(can_be);
        if self.encoded_len() > EARLIER_SETTINGS_BYTES_MAX {
            self.authority.clear();
        }
        self
    }
}

impl SettingsChange {
    /// Checks the names it adds, and those it removes, which may be older than the bounds.
    pub(super) fn check_names(&self) -> Result<(), SettingsError> {
        for (name, entries) in [
            ("authority", self.authority.len()),
            ("sources", self.sources.len()),
        ] {
            if entries > ENTRIES_MAX {
                let bounds = "at most 1,000 entries in one change";
                return Err(outside(name, bounds, entries.to_string()));
            }
        }
        for (event_type, sources) in &self.authority {
            if sources.is_empty() {
                check_length("authority", event_type)?;
            } else {
                check_name("authority", event_type)?;
            }
            sources
                .iter()
                .try_for_each(|name| check_name("authority", name))?;
        }
        for (source, policy) in &self.sources {
            if *policy == SourcePolicy::default() {
                check_length("sources", source)?;
            } else {
                check_name("sources", source)?;
            }
        }
        let mut drill = self
            .poison_drill_type
            .iter()
            .filter(|drill| !drill.is_empty());
        drill.try_for_each(|name| check_name("poison-drill-type", name))
    }
}

fn check_name(setting: &'static str, name: &str) -> Result<(), SettingsError> {
    check_length(setting, name)?;
    let wrong = match name {
        "" => "an empty one",
        _ if name.contains(char::is_control) => "one with a control character",
        _ => return Ok(()),
    };
    let bounds = "set with names that are not empty and have no control characters";
    Err(outside(setting, bounds, wrong.to_owned()))
}

fn check_length(setting: &'static str, name: &str) -> Result<(), SettingsError> {
    if name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let bounds = "set with names of at most 1,024 bytes";
    Err(outside(setting, bounds, format!("{} bytes", name.len())))
}

fn outside(name: &'static str, bounds: &'static str, value: String) -> SettingsError {
    SettingsError {
        name,
        bounds,
        value,
    }
}
