//! When a group cuts its next base.

use crate::store::log::SegmentId;

/// A group whose oldest entry is so many segments back cuts a base, however little it wrote: others' entries lie in between, and are kept
/// as long. As many more have to come before it cuts the next one.
const SEGMENTS_MANY: SegmentId = 32;
/// A group whose oldest entry is so many segments back, after a burst, cuts a base at once.
const SEGMENTS_TOO_MANY: SegmentId = 112;

/// When a group cuts its next base: all groups of a node share its log, so they would cut theirs at the same time. Their first ones since
/// the start are spread over as many segments as lie between two of a group, and so are all that follow.
#[derive(Clone, Copy, Debug)]
pub struct BaseDue {
    /// The newest segment of the log from which on it is due.
    from: SegmentId,
}

impl BaseDue {
    /// Of the group at a place among so many, since the log's newest segment is `newest`.
    pub fn since_start(newest: SegmentId, place: u16, groups: usize) -> Self {
        let share = SegmentId::from(place) * SEGMENTS_MANY / groups.max(1) as SegmentId;
        Self {
            from: newest + SEGMENTS_MANY / 2 + share,
        }
    }

    /// Whether one is due, for a group whose oldest entry lies in `oldest`.
    pub fn is_due(self, newest: SegmentId, oldest: Option<SegmentId>) -> bool {
        let is_behind = |many| oldest.is_some_and(|oldest| newest >= oldest + many);
        is_behind(SEGMENTS_TOO_MANY) || newest >= self.from && is_behind(SEGMENTS_MANY / 2)
    }

    /// One was cut.
    pub fn was_cut(&mut self, newest: SegmentId) {
        self.from = newest + SEGMENTS_MANY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: usize = 16;

    /// The segments at which each of the groups cuts, which cut at others before the start. Its log is purged behind the older of its two
    /// newest bases.
    fn cuts(begin: SegmentId, before: &[SegmentId]) -> Vec<Vec<SegmentId>> {
        let cuts_of = |place| {
            let mut due = BaseDue::since_start(begin, place, GROUPS);
            let mut cuts = before.to_vec();
            for newest in begin..begin + 200 {
                let oldest = cuts.iter().rev().nth(1).copied().unwrap_or_default();
                if due.is_due(newest, Some(oldest)) {
                    due.was_cut(newest);
                    cuts.push(newest);
                }
            }
            cuts.split_off(before.len())
        };
        (0..GROUPS as u16).map(cuts_of).collect()
    }

    #[test]
    fn groups_cut_one_after_the_other_and_each_as_often() {
        // At a founding; and at a start with as much of the log as there usually is.
        let before = [1_000 - 2 * SEGMENTS_MANY, 1_000 - SEGMENTS_MANY];
        for (begin, before) in [(0, &[][..]), (1_000, &before)] {
            let cuts = cuts(begin, before);
            let mut first: Vec<SegmentId> = cuts.iter().map(|of_one| of_one[0]).collect();
            first.dedup();
            assert_eq!(first.len(), GROUPS, "no two at the same time: {first:?}");
            for of_one in &cuts {
                let between: Vec<_> = of_one.windows(2).map(|two| two[1] - two[0]).collect();
                assert!(between.iter().all(|it| *it == SEGMENTS_MANY), "{of_one:?}");
            }
        }
    }

    #[test]
    fn who_keeps_too_much_cuts_at_once() {
        let due = BaseDue::since_start(1_000, 15, GROUPS);
        assert!(!due.is_due(1_000, None));
        assert!(!due.is_due(1_000, Some(1_001 - SEGMENTS_TOO_MANY)));
        assert!(due.is_due(1_000, Some(1_000 - SEGMENTS_TOO_MANY)));
    }
}
