//! When batches are due, and whose they are.

use std::num::NonZeroU32;
use std::time::Duration;

use super::generator::Source;

/// Whose turn it is, over and over: batches are dealt to the sources by their shares.
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

/// How many of ten batches are a source's.
pub(super) fn turns_of(source: Source) -> u32 {
    TURNS
        .iter()
        .fold(0, |turns, of| turns + u32::from(*of == source))
}

/// When one source's batches are due, since the start: batch k of the run at k · batch / rate, whatever became of those before.
#[derive(Debug)]
pub(super) struct Schedule {
    source: Source,
    batch: u32,
    rate: NonZeroU32,
    next: u64,
}

impl Schedule {
    /// `batch` in events, `rate` in events a second.
    pub(super) fn new(source: Source, batch: u32, rate: NonZeroU32) -> Self {
        Self {
            source,
            batch,
            rate,
            next: 0,
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    /// The next time; never none.
    fn next(&mut self) -> Option<Duration> {
        while TURNS[(self.next % TURNS.len() as u64) as usize] != self.source {
            self.next += 1;
        }
        let events = u128::from(self.next) * u128::from(self.batch);
        let nanos = events * 1_000_000_000 / u128::from(self.rate.get());
        self.next += 1;
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
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
            let times = Schedule::new(source, 100, rate).take_while(|due| *due < end);
            due.extend(times.map(|time| (time, source)));
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
        assert_eq!(lms.next(), Some(Duration::ZERO));
        assert_eq!(lms.next(), Some(Duration::from_secs(20)));
    }
}
