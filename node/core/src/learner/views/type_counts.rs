//! Counts by event type that grow and shrink with a window, and the most frequent of them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::window::WindowContent;
use crate::EventType;

/// Number of a type in a [`TypeCounts`].
pub type TypeNumber = u32;

/// Memory of a type besides its name, bytes: its entries in three collections.
const TYPE_BYTES: usize = 160;

/// Events by type. Types without an event keep their numbers.
#[derive(Debug, Default)]
pub struct TypeCounts {
    numbers: BTreeMap<Arc<str>, TypeNumber>,
    /// By number.
    types: Vec<(Arc<str>, u64)>,
    /// The types with an event, the most frequent first, ties by name.
    ranked: BTreeSet<(Reverse<u64>, Arc<str>)>,
    events: u64,
    names_bytes: usize,
}

impl TypeCounts {
    /// The number of a type.
    pub fn number(&mut self, name: &Arc<str>) -> TypeNumber {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // A query holds far fewer types than numbers: see `WindowMaker::held_bytes`.
        let number = self.types.len() as TypeNumber;
        self.numbers.insert(Arc::clone(name), number);
        self.types.push((Arc::clone(name), 0));
        self.names_bytes += name.len();
        number
    }

    /// Adds events of a type.
    pub fn add(&mut self, number: TypeNumber, events: u32) {
        self.events += u64::from(events);
        self.change(number, |sum| sum + u64::from(events));
    }

    /// Takes events of a type away that were added before.
    pub fn remove(&mut self, number: TypeNumber, events: u32) {
        self.events -= u64::from(events);
        self.change(number, |sum| sum - u64::from(events));
    }

    /// Writes the counts into a window: at most `types_max` types one by one, the others summed.
    /// Returns the number of types listed.
    pub fn list(&self, types_max: usize, content: &mut WindowContent) -> usize {
        let listed = self.ranked.iter().take(types_max);
        let named =
            |name: &str| EventType::known(name).unwrap_or_else(|| EventType::Other(name.into()));
        content.events_by_type = listed
            .map(|(Reverse(events), name)| (named(name), *events))
            .collect();
        let listed: u64 = content.events_by_type.values().sum();
        content.other_types = self.ranked.len().saturating_sub(types_max) as u64;
        content.other_events = self.events - listed;
        content.events_by_type.len()
    }

    /// Heap memory, bytes; an estimate.
    pub fn held_bytes(&self) -> usize {
        self.names_bytes + self.types.len() * TYPE_BYTES
    }

    fn change(&mut self, number: TypeNumber, change: impl Fn(u64) -> u64) {
        let Some((name, events)) = self.types.get_mut(number as usize) else {
            return;
        };
        let before = std::mem::replace(events, change(*events));
        if before > 0 {
            self.ranked.remove(&(Reverse(before), Arc::clone(name)));
        }
        if *events > 0 {
            self.ranked.insert((Reverse(*events), Arc::clone(name)));
        }
    }
}
