//! Names that many of a learner's attempts share: each kept once.

use super::{
    memory::{room_for_one, vec_bytes},
    text::Text,
};

/// Each name has a number.
#[derive(Clone, Debug, Default)]
pub struct Names {
    all: Vec<Text>,
    /// The numbers, in the order of the names.
    order: Vec<u32>,
}

/// The number of a name, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(u32);

impl Name {
    /// No name.
    pub const NONE: Self = Self(u32::MAX);
}

impl Names {
    /// A name's number; a new one is kept.
    pub fn keep(&mut self, name: Option<Text>) -> Name {
        let Some(name) = name else {
            return Name::NONE;
        };
        let found = self
            .order
            .binary_search_by(|number| self.all[*number as usize].cmp(&name));
        let at = match found {
            Ok(at) => return Name(self.order[at]),
            Err(at) => at,
        };
        // Never as many as there are attempts, at most a million.
        let number = self.all.len() as u32;
        room_for_one(&mut self.all);
        self.all.push(name);
        room_for_one(&mut self.order);
        self.order.insert(at, number);
        Name(number)
    }

    /// The name.
    pub fn get(&self, name: Name) -> Option<&Text> {
        self.all.get(name.0 as usize)
    }

    /// What they take beside their own fields.
    pub fn heap_bytes(&self) -> usize {
        let texts = self.all.iter().map(Text::heap_bytes);
        vec_bytes(&self.all) + vec_bytes(&self.order) + texts.sum::<usize>()
    }
}
