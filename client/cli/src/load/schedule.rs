//! When batches are due, and from which source.

use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

use super::generator::Source;

/// The sources of ten successive batches; the pattern repeats. It gives each source its share.
pub(super) const TURNS: [Source; 10] = [
    Source::Lms,
    Source::Video,
    Source::Lms,
    Source::Assessment,
    Source::Lms,
    Source::Video,
    Source::Lms,
    Source::Assessment,
    Source::Lms,
    Source::Video,
];

/// The rest of a schedule is summed up in at most this many steps.
const STEPS: u64 = 1_000;
const NANOS: u128 = 1_000_000_000;

/// How many of ten batches belong to a source.
pub(super) fn turns_of(source: Source) -> u32 {
    TURNS
        .iter()
        .fold(0, |turns, of| turns + u32::from(*of == source))
}

/// The same range, split into at most [`STEPS`] parts.
pub(super) fn steps(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let Range { start, end } = range;
    let step = end.saturating_sub(start).div_ceil(STEPS).max(1);
    let starts = (start..end).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    starts.map(move |from| from..end.min(from.saturating_add(step)))
}

/// The times at which one source's batches are due. Batch k of the run is due at k · batch / rate
/// after the start. A delay of one batch does not postpone the next.
#[derive(Debug)]
pub(super) struct Schedule {
    source: Source,
    batch: u32,
    rate: NonZeroU32,
    /// The source's next batch, numbered among those of all sources.
    next: u64,
}

impl Schedule {
    /// `batch` in events, at least 1; `rate` in events a second.
    pub(super) fn new(source: Source, batch: u32, rate: NonZeroU32) -> Self {
        let mut schedule = Self {
            source,
            batch,
            rate,
            next: 0,
        };
        schedule.skip_others();
        schedule
    }

    /// When the next batch is due.
    pub(super) fn due(&self) -> Duration {
        self.due_at(self.next)
    }

    /// Moves on to the next batch.
    pub(super) fn advance(&mut self) {
        self.next += 1;
        self.skip_others();
    }

    /// The rate of all sources together.
    pub(super) fn batches_per_second(&self) -> f64 {
        f64::from(self.rate.get()) / f64::from(self.batch.max(1))
    }

    /// The remaining batches that are due before `until`: times, and how many batches are due then.
    /// Neighbours are merged into at most [`STEPS`] steps, whatever the rate.
    pub(super) fn rest(&self, until: Duration) -> impl Iterator<Item = (Duration, u64)> {
        steps(self.next..self.first_due_from(until)).filter_map(|step| {
            let batches = self.own_before(step.end) - self.own_before(step.start);
            (batches > 0).then(|| (self.due_at(step.start), batches))
        })
    }

    fn skip_others(&mut self) {
        while TURNS[(self.next % TURNS.len() as u64) as usize] != self.source {
            self.next += 1;
        }
    }

    fn due_at(&self, k: u64) -> Duration {
        let events = u128::from(k) * u128::from(self.batch);
        let nanos = events * NANOS / u128::from(self.rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The first batch of any source that is not due before `until`.
    fn first_due_from(&self, until: Duration) -> u64 {
        let events = until.as_nanos() * u128::from(self.rate.get());
        let batches = events.div_ceil(NANOS * u128::from(self.batch.max(1)));
        u64::try_from(batches).unwrap_or(u64::MAX)
    }

    /// How many of the first k batches are the source's.
    fn own_before(&self, k: u64) -> u64 {
        let turns = TURNS.len() as u64;
        let last = TURNS[..(k % turns) as usize].iter();
        let of_last = last.filter(|of| **of == self.source).count() as u64;
        k / turns * u64::from(turns_of(self.source)) + of_last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sources_together_are_due_evenly_and_by_their_shares() {
        let rate = NonZeroU32::new(30_000).expect("above 0");
        let mut due: Vec<(Duration, Source)> = Vec::new();
        let end = Duration::from_secs(2);
        for source in Source::ALL {
            let mut schedule = Schedule::new(source, 100, rate);
            while schedule.due() < end {
                due.push((schedule.due(), source));
                schedule.advance();
            }
        }
        due.sort_by_key(|(time, _)| *time);
        assert_eq!(due.len(), 600, "30,000 events a second in batches of 100");
        for (k, (time, _)) in due.iter().enumerate() {
            let expected = Duration::from_nanos(k as u64 * 100 * 1_000_000_000 / 30_000);
            assert_eq!(*time, expected);
        }
        let of = |source| due.iter().filter(|(_, of)| *of == source).count();
        assert_eq!(Source::ALL.map(of), [300, 120, 180]);
        assert_eq!(Source::ALL.map(turns_of), [5, 2, 3]);
    }

    #[test]
    fn a_batch_larger_than_the_rate_is_due_every_so_many_seconds() {
        let rate = NonZeroU32::new(100).expect("above 0");
        let mut lms = Schedule::new(Source::Lms, 1_000, rate);
        assert_eq!(lms.due(), Duration::ZERO);
        lms.advance();
        assert_eq!(lms.due(), Duration::from_secs(20));
    }

    #[test]
    fn what_is_left_is_what_was_not_gone_through() {
        let end = Duration::from_millis(1_700);
        for source in Source::ALL {
            let rate = NonZeroU32::new(30_000).expect("above 0");
            let mut schedule = Schedule::new(source, 100, rate);
            schedule.advance();
            let rest: Vec<_> = schedule.rest(end).collect();
            let mut expected = Vec::new();
            while schedule.due() < end {
                expected.push((schedule.due(), 1));
                schedule.advance();
            }
            assert_eq!(rest, expected, "{source:?}");
            assert_eq!(schedule.rest(end).count(), 0);
        }
    }

    #[test]
    fn of_very_much_that_is_left_all_is_counted_in_few_steps() {
        let day = Duration::from_secs(86_400);
        let rest = Source::ALL.map(|source| {
            let rest: Vec<_> = Schedule::new(source, 1, NonZeroU32::MAX)
                .rest(day)
                .collect();
            assert!(rest.len() as u64 <= STEPS && rest.is_sorted());
            rest.iter().map(|(_, batches)| batches).sum::<u64>()
        });
        assert_eq!(rest.iter().sum::<u64>(), 86_400 * u64::from(u32::MAX));
    }
}
