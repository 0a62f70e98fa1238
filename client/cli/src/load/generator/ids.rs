//! Ids of events, unique to one run.

use super::{Run, text};

/// Characters of an id: one for the source, 9 for the run, 10 for the number.
const LENGTH: usize = 20;
const RUN_DIGITS: usize = 9;
const NUMBER_DIGITS: usize = 10;

/// Ids of one source's events. The 45 bits for the run come from its seed and start.
#[derive(Debug)]
pub(super) struct EventIds {
    begin: String,
    next: u64,
}

impl EventIds {
    /// `letter` is unique to the source.
    pub(super) fn new(run: Run, letter: u8) -> Self {
        let mut begin = String::with_capacity(LENGTH);
        begin.push(char::from(letter));
        let tag = text::mixed(run.seed ^ text::mixed(run.start_ms.unsigned_abs()));
        text::push_digits::<32>(&mut begin, tag, RUN_DIGITS);
        Self { begin, next: 0 }
    }

    /// The next id, of 20 bytes.
    pub(super) fn next(&mut self) -> String {
        let mut id = String::with_capacity(LENGTH);
        id.push_str(&self.begin);
        text::push_digits::<32>(&mut id, self.next, NUMBER_DIGITS);
        self.next += 1;
        id
    }
}
