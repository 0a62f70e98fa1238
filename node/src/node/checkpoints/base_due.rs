//! When the next base of a group is due.

use crate::store::log::SegmentId;

/// A group whose oldest log entry is this many segments back is due for a base, however little it
/// wrote: the segments hold other groups' entries too, and none can be deleted while the group
/// needs one. Its next base is due this many segments later.
const SEGMENTS_MANY: SegmentId = 32;
/// After a burst, a group whose oldest entry is this many segments back is due at once.
const SEGMENTS_TOO_MANY: SegmentId = 112;

/// When the next base of a group is due. All groups of a node share one log, so their bases would
/// be due at the same segment. The first bases after a start are therefore spread evenly over the
/// segments between two bases of one group, and the later ones keep that spread.
#[derive(Clone, Copy, Debug)]
pub struct BaseDue {
    /// Due once the newest segment of the log has this number.
    from: SegmentId,
}

impl BaseDue {
    /// For the group with the index `place` of `groups`; `newest` is the log's newest segment at
    /// the start.
    pub fn since_start(newest: SegmentId, place: u16, groups: usize) -> Self {
        let share = SegmentId::from(place) * SEGMENTS_MANY / groups.max(1) as SegmentId;
        Self {
            from: newest + SEGMENTS_MANY / 2 + share,
        }
    }

    /// Whether a base is due for a group whose oldest entry is in segment `oldest`.
    pub fn is_due(self, newest: SegmentId, oldest: Option<SegmentId>) -> bool {
        let is_behind = |many| oldest.is_some_and(|oldest| newest >= oldest + many);
        is_behind(SEGMENTS_TOO_MANY) || newest >= self.from && is_behind(SEGMENTS_MANY / 2)
    }

    /// Call it after each base.
    pub fn was_cut(&mut self, newest: SegmentId) {
        self.from = newest + SEGMENTS_MANY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: usize = 16;

    /// For each group, the segments at which it cuts a base, after the bases in `before`. Its log
    /// is purged up to the older of its two newest bases.
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
        // When a cluster is founded, and at a start with a log of the usual length.
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
    fn a_group_that_keeps_too_much_log_is_due_at_once() {
        let due = BaseDue::since_start(1_000, 15, GROUPS);
        assert!(!due.is_due(1_000, None));
        assert!(!due.is_due(1_000, Some(1_001 - SEGMENTS_TOO_MANY)));
        assert!(due.is_due(1_000, Some(1_000 - SEGMENTS_TOO_MANY)));
    }
}
