//! A sorted list: one allocation while it is short, several of bounded length when it is long.

use std::cmp::Ordering;

use super::memory::{reserve_one, vec_bytes};

/// A run is split at this length, which bounds what an insertion moves.
const RUN_MAX: usize = 64;

/// Elements in ascending order. The owner passes the order to each call, always the same.
///
/// Invariant: no run is empty, except the first of an empty list.
#[derive(Clone, Debug)]
pub struct Sorted<T> {
    first: Vec<T>,
    rest: Vec<Vec<T>>,
}

/// A position in a list, valid until the list changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    run: usize,
    at: usize,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            rest: Vec::new(),
        }
    }
}

impl<T: PartialEq> PartialEq for Sorted<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Sorted<T> {}

impl<T> Sorted<T> {
    pub fn len(&self) -> usize {
        self.runs().map(Vec::len).sum()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.first.iter().chain(self.rest.iter().flatten())
    }

    /// The elements from a position on.
    pub fn iter_from(&self, spot: Spot) -> impl Iterator<Item = &T> + Clone {
        let begun = self.run(spot.run).get(spot.at..).unwrap_or_default();
        let rest = self.rest.get(spot.run..).unwrap_or_default();
        begun.iter().chain(rest.iter().flatten())
    }

    /// Number of the elements from a position on.
    pub fn len_from(&self, spot: Spot) -> usize {
        let begun = self.run(spot.run).len().saturating_sub(spot.at);
        let rest = self.rest.get(spot.run..).unwrap_or_default();
        begun + rest.iter().map(Vec::len).sum::<usize>()
    }

    /// The elements before a position, from the nearest to the first.
    pub fn iter_before(&self, spot: Spot) -> impl Iterator<Item = &T> {
        let begun = self.run(spot.run).get(..spot.at).unwrap_or_default();
        let before = self.runs().take(spot.run);
        let before: Vec<&Vec<T>> = before.collect();
        let rest = before.into_iter().rev().flat_map(|run| run.iter().rev());
        begun.iter().rev().chain(rest)
    }

    pub fn last(&self) -> Option<&T> {
        self.rest.last().unwrap_or(&self.first).last()
    }

    /// Finds an element (`Ok`) or the position to insert it (`Err`). `order` compares an element
    /// with the one searched.
    pub fn search(&self, order: impl Fn(&T) -> Ordering) -> Result<Spot, Spot> {
        let run = self
            .rest
            .partition_point(|run| run.first().is_some_and(|first| order(first).is_le()));
        let found = self.run(run).binary_search_by(&order);
        found
            .map(|at| Spot { run, at })
            .map_err(|at| Spot { run, at })
    }

    /// Same result as [`Self::search`], faster near the end of the list.
    pub fn search_end(&self, order: impl Fn(&T) -> Ordering) -> Result<Spot, Spot> {
        match self.last() {
            Some(last) if order(last).is_lt() => Err(self.end()),
            _ => self.search(order),
        }
    }

    /// The position of the first element for which `is_before` is false. It must be true for a
    /// prefix of the list.
    pub fn first_not(&self, is_before: impl Fn(&T) -> bool) -> Spot {
        let (Ok(spot) | Err(spot)) = self.search(|element| match is_before(element) {
            true => Ordering::Less,
            false => Ordering::Greater,
        });
        spot
    }

    /// The element that `order` finds, if any.
    pub fn find(&self, order: impl Fn(&T) -> Ordering) -> Option<&T> {
        self.at(self.search(order).ok()?)
    }

    /// The element before a position.
    pub fn before(&self, spot: Spot) -> Option<&T> {
        match spot.at.checked_sub(1) {
            Some(at) => self.run(spot.run).get(at),
            None => self.run(spot.run.checked_sub(1)?).last(),
        }
    }

    /// The element at a position.
    pub fn at(&self, spot: Spot) -> Option<&T> {
        self.run(spot.run).get(spot.at)
    }

    /// The element at a position. The caller must not change what the order depends on.
    pub fn at_mut(&mut self, spot: Spot) -> Option<&mut T> {
        self.run_mut(spot.run).get_mut(spot.at)
    }

    /// Inserts an element at the position that a search returned.
    pub fn insert(&mut self, spot: Spot, element: T) {
        let is_last = spot.run == self.rest.len();
        let run = self.run_mut(spot.run);
        if run.len() < RUN_MAX {
            reserve_one(run);
            run.insert(spot.at, element);
        } else if is_last && spot.at == run.len() {
            self.rest.push(vec![element]);
        } else {
            let mut upper = run.split_off(RUN_MAX / 2);
            match spot.at.checked_sub(run.len()) {
                Some(at) => upper.insert(at, element),
                None => run.insert(spot.at, element),
            }
            self.rest.insert(spot.run, upper);
        }
    }

    /// Removes the element at a position.
    pub fn remove(&mut self, spot: Spot) -> Option<T> {
        let run = self.run_mut(spot.run);
        if spot.at >= run.len() {
            return None;
        }
        let removed = run.remove(spot.at);
        if run.is_empty() {
            self.drop_empty_runs();
        }
        Some(removed)
    }

    /// Keeps the elements for which `wanted` is true. It may change what the order does not depend
    /// on.
    pub fn retain(&mut self, mut wanted: impl FnMut(&mut T) -> bool) {
        self.first.retain_mut(&mut wanted);
        for run in &mut self.rest {
            run.retain_mut(&mut wanted);
        }
        self.drop_empty_runs();
    }

    /// Releases unused memory after many removals.
    pub fn compact(&mut self) {
        let mut left: Vec<T> = Vec::with_capacity(self.len());
        left.append(&mut self.first);
        left.extend(std::mem::take(&mut self.rest).into_iter().flatten());
        if left.len() <= RUN_MAX {
            self.first = left;
            return;
        }
        let mut left = left.into_iter();
        self.first = left.by_ref().take(RUN_MAX).collect();
        while left.len() > 0 {
            self.rest.push(left.by_ref().take(RUN_MAX).collect());
        }
    }

    /// Appends an element, or returns `None` if it does not belong at the end.
    pub fn push(&mut self, element: T, order: impl Fn(&T, &T) -> Ordering) -> Option<()> {
        if self
            .last()
            .is_some_and(|last| order(last, &element).is_ge())
        {
            return None;
        }
        self.insert(self.end(), element);
        Some(())
    }

    /// Heap memory of the list itself, bytes.
    pub fn heap_bytes(&self) -> usize {
        vec_bytes(&self.rest) + self.runs().map(vec_bytes).sum::<usize>()
    }

    fn end(&self) -> Spot {
        let run = self.rest.len();
        let at = self.run(run).len();
        Spot { run, at }
    }

    fn runs(&self) -> impl Iterator<Item = &Vec<T>> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    fn run(&self, run: usize) -> &[T] {
        match run.checked_sub(1) {
            None => &self.first,
            Some(run) => self.rest.get(run).map_or(&[], Vec::as_slice),
        }
    }

    fn run_mut(&mut self, run: usize) -> &mut Vec<T> {
        match run.checked_sub(1).and_then(|run| self.rest.get_mut(run)) {
            None => &mut self.first,
            Some(run) => run,
        }
    }

    fn drop_empty_runs(&mut self) {
        self.rest.retain(|run| !run.is_empty());
        if self.first.is_empty() && !self.rest.is_empty() {
            self.first = self.rest.remove(0);
        }
    }
}

impl<T> IntoIterator for Sorted<T> {
    type Item = T;
    type IntoIter =
        std::iter::Chain<std::vec::IntoIter<T>, std::iter::Flatten<std::vec::IntoIter<Vec<T>>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first
            .into_iter()
            .chain(self.rest.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_list_is_as_a_set() {
        let (mut list, mut set) = (Sorted::default(), BTreeSet::new());
        let mut number = 1_u32;
        for round in 0..3_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % 4_093;
            let wanted = if round % 7 < 2 { 5_000 + round } else { number };
            let found = list.search_end(|it: &u32| it.cmp(&wanted));
            assert_eq!(found, list.search(|it| it.cmp(&wanted)));
            match found {
                Err(spot) => {
                    list.insert(spot, wanted);
                    assert!(set.insert(wanted));
                }
                Ok(spot) => {
                    assert_eq!(list.remove(spot), Some(wanted));
                    assert!(set.remove(&wanted));
                }
            }
            if round % 1_000 == 999 {
                list.retain(|it| *it % 64 < 48);
                set.retain(|it| it % 64 < 48);
                list.compact();
            }
            assert_eq!(list.len(), set.len());
            assert_eq!(list.last(), set.last());
        }
        assert!(list.iter().eq(&set));
        assert!(list.iter().rev().eq(set.iter().rev()));
        let (Ok(spot) | Err(spot)) = list.search(|it| it.cmp(&2_000));
        assert_eq!(list.first_not(|it| *it < 2_000), spot);
        assert!(list.iter_from(spot).eq(set.range(2_000..)));
        assert_eq!(list.len_from(spot), set.range(2_000..).count());
        assert!(list.iter_before(spot).eq(set.range(..2_000).rev()));
        assert_eq!(list.before(spot), set.range(..2_000).next_back());
    }
}
