//! The homePages of the xAPI accounts in each source's statements, since the node started.
//!
//! If a source uses several homePages, and learners are identified by the account's name alone,
//! two people with the same name become one learner.

use std::collections::BTreeMap;

use parking_lot::RwLock;

/// Two prove that there are several; a few more help to recognise them.
const PAGES_MAX: usize = 4;
/// Maximum number of sources, the same as in the metrics.
const SOURCES_MAX: usize = 256;
/// Longer homePages are cut to this length, bytes.
const PAGE_BYTES_MAX: usize = 256;

type Pages = BTreeMap<Box<str>, Vec<Box<str>>>;

/// At most 4 homePages for each of 256 sources.
#[derive(Debug, Default)]
pub struct HomePages(RwLock<Pages>);

impl HomePages {
    /// Records a homePage of a source. Takes one shared lock and a few comparisons, unless the
    /// homePage is new.
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
        // Another request may have added it meanwhile.
        if known.len() < PAGES_MAX && !known.iter().any(|page| **page == *home_page) {
            known.push(home_page.into());
        }
    }

    /// By source, in the order of their first use.
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
