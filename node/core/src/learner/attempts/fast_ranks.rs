//! Counts newer attempts by number, where a count goes through all attempts in memory.

use std::collections::BTreeMap;

use super::{
    limits::{ROLLING_LONG, SKILLS_KEPT},
    name_table::{NameId, NameTable},
};
use crate::learner::compact::{CourseIndex, Text};

/// Counts newer attempts, overall, by skill and by course. A skill is looked up by its text only
/// once for each of its numbers.
pub struct FastRanks<'n> {
    overall: u32,
    /// By number of a name: the number of the skill plus one; 0 before the first lookup.
    numbered: Vec<u32>,
    skills: BTreeMap<&'n Text, u32>,
    by_skill: Vec<u32>,
    /// Number of skills with an attempt that counts.
    skills_shown: usize,
    by_course: Vec<u32>,
}

impl<'n> FastRanks<'n> {
    /// For attempts with this many names.
    pub fn new(names: usize) -> Self {
        Self {
            overall: 0,
            numbered: vec![0; names],
            skills: BTreeMap::new(),
            by_skill: Vec::new(),
            skills_shown: 0,
            by_course: Vec::new(),
        }
    }

    /// Whether views show the attempt, see `Ranks::needs`. Called for the newest attempt first.
    /// `is_old`: skills beyond the most recently attempted ones show it no more.
    pub fn needs(
        &mut self,
        skill: NameId,
        names: &'n NameTable,
        course: Option<CourseIndex>,
        is_old: bool,
    ) -> bool {
        self.overall += 1;
        let mut is_needed = self.overall as usize <= ROLLING_LONG;
        if let Some(skill) = self.skill_of(skill, names) {
            let is_first = self.by_skill[skill] == 0;
            if !(is_first && is_old && self.skills_shown >= SKILLS_KEPT) {
                self.skills_shown += usize::from(is_first);
                self.by_skill[skill] += 1;
                is_needed |= self.by_skill[skill] as usize <= ROLLING_LONG;
            }
        }
        if let Some(course) = course {
            let course = course as usize;
            if self.by_course.len() <= course {
                self.by_course.resize(course + 1, 0);
            }
            self.by_course[course] += 1;
            is_needed |= self.by_course[course] as usize <= ROLLING_LONG;
        }
        is_needed
    }

    fn skill_of(&mut self, name: NameId, names: &'n NameTable) -> Option<usize> {
        let (at, text) = (name.index()?, names.get(name)?);
        if self.numbered[at] == 0 {
            // At most as many as names.
            let next = self.by_skill.len() as u32 + 1;
            let number = *self.skills.entry(text).or_insert(next);
            if number == next {
                self.by_skill.push(0);
            }
            self.numbered[at] = number;
        }
        Some(self.numbered[at] as usize - 1)
    }
}
