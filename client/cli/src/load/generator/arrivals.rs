//! The arrival of learners, before anything is measured.

use std::ops::Range;

use homeroom_proto::v1;

use super::{Population, Run, Source, ids::EventIds, text};

/// Age of the events of learners who are no longer active, ms before the run: old enough for their
/// windows to settle.
const EARLIER_MS: Range<i64> = 5 * 60_000..120 * 60_000;

/// The first letter of the ids of arrivals. No source has it.
const LETTER: u8 = b'n';

/// One or two events of each inactive learner, in the order of time, then the sign-in of each
/// active one.
#[derive(Debug)]
pub(crate) struct Arrivals {
    population: Population,
    ids: EventIds,
    start_ms: i64,
    /// All learners, active or not.
    seen: u32,
    /// The index of the next learner; active ones come last.
    next: u64,
}

impl Arrivals {
    pub(crate) fn new(run: Run, population: Population, seen: u32) -> Self {
        Self {
            population,
            ids: EventIds::new(run, LETTER),
            start_ms: run.start_ms,
            seen: seen.max(population.learners),
            next: 0,
        }
    }

    /// The next batch of about `count` events, sent at `at_ms` since the epoch; empty at the end.
    pub(crate) fn batch(&mut self, count: usize, at_ms: i64) -> Vec<v1::Event> {
        let earlier = u64::from(self.seen - self.population.learners);
        let mut events = Vec::with_capacity(count + 1);
        while events.len() < count && self.next < u64::from(self.seen) {
            match self.next < earlier {
                true => self.came_earlier(earlier, &mut events),
                false => {
                    // Fits: the difference is below `seen`, which is a u32.
                    let learner = (self.next - earlier) as u32;
                    events.push(self.event(learner, "session_start", at_ms));
                }
            }
            self.next += 1;
        }
        events
    }

    /// Ascending times, so that the windows of early learners settle while later ones arrive.
    fn came_earlier(&mut self, earlier: u64, events: &mut Vec<v1::Event>) {
        let span_ms = i128::from(EARLIER_MS.end - EARLIER_MS.start);
        let passed_ms = span_ms * i128::from(self.next) / i128::from(earlier);
        // Fits: at most the span, which is an i64.
        let at_ms = self.start_ms - EARLIER_MS.end + passed_ms as i64;
        let learner = self.population.learners + self.next as u32;
        events.push(self.event(learner, "page_view", at_ms));
        if self.next.is_multiple_of(2) {
            events.push(self.event(learner, "click", at_ms));
        }
    }

    fn event(&mut self, learner: u32, event_type: &str, at_ms: i64) -> v1::Event {
        let mut event = v1::Event {
            event_id: self.ids.next(),
            timestamp: Some(text::timestamp(at_ms)),
            event_type: event_type.to_owned(),
            source: Source::Lms.name().to_owned(),
            ..v1::Event::default()
        };
        self.population.put(&mut event, learner, at_ms);
        event
    }
}
