//! The names of types that are not well-known, in two bytes each.

use super::memory::{allocation_bytes, reserve_one, vec_bytes};
use crate::EventType;

/// The most names. The room of an hour ends before, see [`crate::learner::room`].
const TYPES_MAX: usize = u16::MAX as usize - EventType::KNOWN;
/// The most names that are searched one by one.
const WALKED_MAX: usize = 16;

/// The names of types in a block, numbered in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct OtherTypes {
    names: Vec<Box<str>>,
    /// The numbers, ordered by name. Made when a name is searched among many.
    by_name: Vec<u16>,
}

impl OtherTypes {
    /// The number of a name, which is added if it is not known. Names beyond the bound share the
    /// last number: a block of the build before may be full.
    pub fn place_of(&mut self, name: &str) -> usize {
        if self.names.len() < WALKED_MAX {
            let known = self.names.iter().position(|known| &**known == name);
            return known.unwrap_or_else(|| self.push(name));
        }
        self.sort_names();
        match self.search(name) {
            Ok(at) => self.by_name[at].into(),
            Err(_) if self.names.len() >= TYPES_MAX => self.names.len() - 1,
            Err(at) => {
                let place = self.push(name);
                reserve_one(&mut self.by_name);
                self.by_name.insert(at, place as u16);
                place
            }
        }
    }

    /// Appends a name. Returns its number.
    pub fn push(&mut self, name: &str) -> usize {
        reserve_one(&mut self.names);
        self.names.push(name.into());
        self.names.len() - 1
    }

    /// The name with a number; empty if there is none.
    pub fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", |name| name)
    }

    /// All names, by number.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Number of the names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        let names = self.names.iter().map(|name| allocation_bytes(name.len()));
        vec_bytes(&self.names) + names.sum::<usize>() + vec_bytes(&self.by_name)
    }

    fn search(&self, name: &str) -> Result<usize, usize> {
        let order = |place: &u16| (*self.names[usize::from(*place)]).cmp(name);
        self.by_name.binary_search_by(order)
    }

    fn sort_names(&mut self) {
        if self.by_name.len() < self.names.len() {
            let places = 0..u16::try_from(self.names.len()).unwrap_or(u16::MAX);
            self.by_name = places.collect();
            let names = &self.names;
            (self.by_name).sort_by(|a, b| names[usize::from(*a)].cmp(&names[usize::from(*b)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut types = OtherTypes::default();
        let name = |number: usize| format!("type {}", number * 7_919 % 1_000);
        for number in 0..1_000 {
            assert_eq!(types.place_of(&name(number)), number);
            assert_eq!(types.place_of(&name(number / 2)), number / 2);
        }
        let mut read = OtherTypes::default();
        types.names().for_each(|name| {
            read.push(name);
        });
        for number in 0..1_000 {
            assert_eq!(read.place_of(&name(number)), number);
            assert_eq!(read.name(number), name(number));
        }
    }

    #[test]
    fn names_beyond_the_bound_share_the_last_number() {
        let mut types = OtherTypes::default();
        for number in 0..TYPES_MAX {
            assert_eq!(types.place_of(&number.to_string()), number);
        }
        assert_eq!(types.place_of("one more"), TYPES_MAX - 1);
        assert_eq!(types.len(), TYPES_MAX);
    }
}
