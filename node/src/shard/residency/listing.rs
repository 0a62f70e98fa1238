//! Lists active learners and their courses in pages, each in one pass.

use std::collections::{BTreeMap, BTreeSet};

use homeroom_core::learner_hash;

use super::directory::{Directory, Member};

/// The order of learners' records: by hash, then by the length of the id, then by the id.
type StoredOrder = (u64, usize, Box<str>);

impl Directory {
    /// Ids of the first active learners after one, at most `max`, in the order of stored records.
    pub fn user_ids_after(&self, after: Option<&str>, max: usize) -> Vec<Box<str>> {
        let order = |id: &str| (learner_hash(id), id.len());
        let after = after.map(|id| (order(id), id));
        let mut first: BTreeSet<StoredOrder> = BTreeSet::new();
        let learners = self.learners.lock();
        for (user_id, _) in learners.iter() {
            let (hash, length) = order(user_id);
            let key = ((hash, length), &**user_id);
            let last = first.last().filter(|_| first.len() >= max);
            let is_within = last.is_none_or(|(hash, length, id)| key < ((*hash, *length), id));
            if is_within && after.is_none_or(|after| key > after) {
                first.insert((hash, length, user_id.clone()));
                if first.len() > max {
                    first.pop_last();
                }
            }
        }
        drop(learners);
        first.into_iter().map(|(_, _, user_id)| user_id).collect()
    }

    /// Ids of the first courses of active learners after one, at most `max`, in order.
    pub fn course_ids_after(&self, after: &str, max: usize) -> BTreeSet<Box<str>> {
        let mut first: BTreeSet<Box<str>> = BTreeSet::new();
        let learners = self.learners.lock();
        for course_id in learners.iter().flat_map(|(_, active)| active.course_ids()) {
            let last = first.last().filter(|_| first.len() >= max);
            let is_within = last.is_none_or(|last| course_id < &**last);
            if is_within && course_id > after && !first.contains(course_id) {
                first.insert(course_id.into());
                if first.len() > max {
                    first.pop_last();
                }
            }
        }
        first
    }

    /// The active learners in each of some courses.
    pub fn members(&self, course_ids: &BTreeSet<&str>) -> BTreeMap<Box<str>, Vec<Member>> {
        let mut members: BTreeMap<Box<str>, Vec<Member>> = BTreeMap::new();
        for course_id in course_ids {
            members.insert((*course_id).into(), Vec::new());
        }
        let learners = self.learners.lock();
        for (user_id, active) in learners.iter() {
            for course_id in active.course_ids().filter(|id| course_ids.contains(id)) {
                let member = active.member(user_id, course_id);
                if let (Some(list), Some(member)) = (members.get_mut(course_id), member) {
                    list.push(member);
                }
            }
        }
        members
    }
}
