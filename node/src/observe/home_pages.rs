//! The homePages of the xAPI accounts that each source spoke of, since the node started.
//!
//! Two of them under one source, told apart by the account's name alone, may be two people taken for one.

use std::collections::BTreeMap;

use parking_lot::RwLock;

/// Two show that there are several; a few more help to recognise them.
const PAGES_MAX: usize = 4;
/// Sources that are remembered, as many as have counters of their own.
const SOURCES_MAX: usize = 256;
/// A longer homePage is remembered by its beginning, bytes.
const PAGE_BYTES_MAX: usize = 256;

type Pages = BTreeMap<Box<str>, Vec<Box<str>>>;

/// At most 4 homePages for each of 256 sources.
#[derive(Debug, Default)]
pub struct HomePages(RwLock<Pages>);

impl HomePages {
    /// A source spoke of an account there. One shared lock and a few comparisons, unless the homePage is new.
    pub fn note(&self, source: &str, home_page: &str) {
        let home_page = beginning(home_page);
        let pages = self.0.read();
        let is_old = match pages.get(source) {
            Some(known) => {
                known.len() >= PAGES_MAX || known.iter().any(|page| **page == *home_page)
            }
            None => pages.len() >= SOURCES_MAX,
        };
        drop(pages);
        if !is_old {
            self.remember(source, home_page);
        }
    }

    fn remember(&self, source: &str, home_page: &str) {
        let mut pages = self.0.write();
        if pages.len() >= SOURCES_MAX && !pages.contains_key(source) {
            return;
        }
        let known = pages.entry(source.into()).or_default();
        // Another request may have been quicker.
        if known.len() < PAGES_MAX && !known.iter().any(|page| **page == *home_page) {
            known.push(home_page.into());
        }
    }

    /// By source, in the order in which they were met.
    pub fn by_source(&self) -> BTreeMap<Box<str>, Vec<Box<str>>> {
        self.0.read().clone()
    }
}

fn beginning(home_page: &str) -> &str {
    let mut end = home_page.len().min(PAGE_BYTES_MAX);
    while !home_page.is_char_boundary(end) {
        end -= 1;
    }
    &home_page[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_homepage_is_remembered_once_and_few_of_them() {
        let pages = HomePages::default();
        for page in ["a", "b", "a", "c", "d", "e", "b"] {
            pages.note("lms", page);
        }
        pages.note("tool", "a");
        let by_source = pages.by_source();
        let of = |source: &str| {
            by_source[source]
                .iter()
                .map(|page| &**page)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("lms"), ["a", "b", "c", "d"]);
        assert_eq!(of("tool"), ["a"]);
    }

    #[test]
    fn sources_and_lengths_are_bounded() {
        let pages = HomePages::default();
        pages.note("long", &"é".repeat(1_000));
        for number in 0..1_000 {
            pages.note(&number.to_string(), "page");
        }
        let by_source = pages.by_source();
        assert_eq!(by_source.len(), SOURCES_MAX);
        assert_eq!(by_source["long"][0].len(), PAGE_BYTES_MAX);
    }
}
