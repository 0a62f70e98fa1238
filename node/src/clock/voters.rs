//! What is known of the voters' clocks. Pure: the time is an argument.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use super::{NS_PER_MS, NS_PER_S, reading::ClockReading};

/// A reading says nothing any more of the voter's present clocks when it is older.
const FRESH_NS: i64 = 5 * NS_PER_S;
/// Upper bound of the voters that are remembered; a group has fewer.
const REMEMBERED_MAX: usize = 32;
/// Wall clocks outside the years 2020 to 2200 are not set at all. Log time begins at such a one
/// only where no voter has a better one. Ns since the epoch.
pub(super) const PLAUSIBLE_NS: RangeInclusive<i64> =
    1_577_836_800 * NS_PER_S..=7_258_118_400 * NS_PER_S;
/// How far one voter's log clock may be from what the quorum's wall clocks and the committed log
/// time say. A step of the wall clocks of a whole group explains hours; a log clock further away is
/// not believed.
pub(super) const LOG_APART_MAX_NS: i64 = 86_400 * NS_PER_S;

/// The newest reading of each voter, as offsets to this machine's time since boot.
#[derive(Clone, Debug, Default)]
pub(super) struct Voters {
    heard: BTreeMap<u64, Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    /// Time since boot, ns.
    at_ns: i64,
    /// Its wall clock less the time since boot, ns.
    wall_offset_ns: i64,
    /// Its log clock less the time since boot, ns.
    log_offset_ns: Option<i64>,
}

/// This machine's clocks now, both in ns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub boot_ns: i64,
    pub wall_ns: i64,
}

/// The clocks of a quorum of voters now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quorum {
    /// The wall clocks, the earliest first, ns since the epoch.
    walls_ns: Vec<i64>,
    /// The log clocks of those that have one, ns since the epoch.
    logs_ns: Vec<i64>,
}

impl Voters {
    /// Takes a voter's reading at a time since boot, ns.
    pub fn hear(&mut self, voter: u64, boot_ns: i64, reading: ClockReading) {
        let is_new = !self.heard.contains_key(&voter);
        if is_new && self.heard.len() >= REMEMBERED_MAX {
            let oldest = self.heard.iter().min_by_key(|(_, heard)| heard.at_ns);
            if let Some((&oldest, _)) = oldest {
                self.heard.remove(&oldest);
            }
        }
        let offset_ns = |ms: i64| ms.saturating_mul(NS_PER_MS).saturating_sub(boot_ns);
        let heard = Heard {
            at_ns: boot_ns,
            wall_offset_ns: offset_ns(reading.wall_ms),
            log_offset_ns: reading.log_ms.map(offset_ns),
        };
        self.heard.insert(voter, heard);
    }

    /// The clocks of the voters that were heard within the last 5 s, and of this replica, if it is
    /// one of them; `None` if they are no quorum.
    pub fn quorum(&self, me: u64, voters: &BTreeSet<u64>, now: Now) -> Option<Quorum> {
        let mut walls_ns = Vec::new();
        let mut logs_ns = Vec::new();
        for voter in voters {
            if *voter == me {
                walls_ns.push(now.wall_ns);
            } else if let Some(heard) = self.fresh(*voter, now.boot_ns) {
                let at_ns = |offset_ns: i64| now.boot_ns.saturating_add(offset_ns);
                walls_ns.push(at_ns(heard.wall_offset_ns));
                logs_ns.extend(heard.log_offset_ns.map(at_ns));
            }
        }
        if walls_ns.is_empty() || walls_ns.len() <= voters.len() / 2 {
            return None;
        }
        walls_ns.sort_unstable();
        Some(Quorum { walls_ns, logs_ns })
    }

    fn fresh(&self, voter: u64, boot_ns: i64) -> Option<&Heard> {
        let heard = self.heard.get(&voter)?;
        (boot_ns.saturating_sub(heard.at_ns) <= FRESH_NS).then_some(heard)
    }
}

impl Quorum {
    /// The median of the wall clocks, ns since the epoch: what a majority of them has reached.
    pub fn wall_ns(&self) -> i64 {
        median(&self.walls_ns)
    }

    /// Where a leader's log clock begins, ns since the epoch: at the latest log clock of another
    /// voter, else at the wall clocks' median, and never before the committed log time.
    pub fn start_ns(&self, committed_ns: i64) -> i64 {
        let is_set = |wall_ns: &i64| PLAUSIBLE_NS.contains(wall_ns);
        let set_ns: Vec<i64> = self.walls_ns.iter().copied().filter(is_set).collect();
        let wall_ns = match set_ns.is_empty() {
            true => median(&self.walls_ns),
            false => median(&set_ns),
        };
        let earliest_ns = wall_ns.saturating_sub(LOG_APART_MAX_NS);
        let latest_ns = wall_ns.max(committed_ns).saturating_add(LOG_APART_MAX_NS);
        let logs_ns = self.logs_ns.iter().copied();
        let believed_ns = logs_ns.filter(|log_ns| (earliest_ns..=latest_ns).contains(log_ns));
        believed_ns.max().unwrap_or(wall_ns).max(committed_ns)
    }
}

/// Of sorted wall clocks; of an even number the earlier one. Log time that is behind catches up,
/// log time that is ahead stays ahead.
fn median(walls_ns: &[i64]) -> i64 {
    walls_ns[(walls_ns.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const DAY_MS: i64 = 24 * HOUR_MS;
    /// A wall clock, ms.
    const WALL_MS: i64 = 1_800_000_000_000;
    const NOW: Now = Now {
        boot_ns: 100 * NS_PER_S,
        wall_ns: WALL_MS * NS_PER_MS,
    };

    /// What voter 1 of three knows when it hears the others' wall clocks and log clocks, both
    /// relative to its own wall clock, ms.
    fn quorum(others: &[(i64, Option<i64>)]) -> Option<Quorum> {
        let mut voters = Voters::default();
        for (voter, (wall_ms, log_ms)) in (2..).zip(others) {
            let reading = ClockReading {
                wall_ms: WALL_MS.saturating_add(*wall_ms),
                log_ms: log_ms.map(|ms| WALL_MS.saturating_add(ms)),
            };
            voters.hear(voter, NOW.boot_ns, reading);
        }
        voters.quorum(1, &BTreeSet::from([1, 2, 3]), NOW)
    }

    fn wall_ms(others: &[(i64, Option<i64>)]) -> i64 {
        let quorum = quorum(others).expect("a quorum");
        quorum.wall_ns() / NS_PER_MS - WALL_MS
    }

    /// Relative to the own wall clock, with a committed log time an hour before it, ms.
    fn start_ms(others: &[(i64, Option<i64>)]) -> i64 {
        let quorum = quorum(others).expect("a quorum");
        quorum.start_ns((WALL_MS - HOUR_MS) * NS_PER_MS) / NS_PER_MS - WALL_MS
    }

    #[test]
    fn one_voter_is_a_quorum_of_one_and_none_of_three() {
        let voters = Voters::default();
        let quorum = voters.quorum(1, &BTreeSet::from([1]), NOW);
        assert_eq!(quorum.map(|quorum| quorum.wall_ns()), Some(NOW.wall_ns));
        assert_eq!(voters.quorum(1, &BTreeSet::from([1, 2, 3]), NOW), None);
        assert_eq!(voters.quorum(1, &BTreeSet::from([2]), NOW), None);
        assert_eq!(voters.quorum(1, &BTreeSet::new(), NOW), None);
    }

    #[test]
    fn the_wall_clock_is_the_median_and_of_two_the_earlier() {
        assert_eq!(wall_ms(&[(HOUR_MS, None), (2 * HOUR_MS, None)]), HOUR_MS);
        assert_eq!(wall_ms(&[(-HOUR_MS, None), (2 * HOUR_MS, None)]), 0);
        assert_eq!(wall_ms(&[(HOUR_MS, None)]), 0);
        assert_eq!(wall_ms(&[(-HOUR_MS, None)]), -HOUR_MS);
    }

    #[test]
    fn log_time_begins_at_no_wall_clock_that_is_not_set() {
        for absurd_ms in [i64::MIN, -WALL_MS, i64::MAX] {
            assert_eq!(start_ms(&[(absurd_ms, None)]), 0, "{absurd_ms}");
            assert_eq!(start_ms(&[(absurd_ms, None), (5, None)]), 0, "{absurd_ms}");
        }
        let unset = Now { wall_ns: 7, ..NOW };
        let alone = Voters::default().quorum(1, &BTreeSet::from([1]), unset);
        let start_ns = alone.map(|quorum| quorum.start_ns(i64::MIN));
        assert_eq!(start_ns, Some(7), "the only one");
    }

    #[test]
    fn one_absurd_wall_clock_is_never_the_median_where_it_is_followed() {
        assert_eq!(wall_ms(&[(i64::MAX, None)]), 0);
        assert_eq!(wall_ms(&[(i64::MAX, None), (5, None)]), 5);
        assert_eq!(wall_ms(&[(i64::MIN, None), (5, None)]), 0);
        assert!(wall_ms(&[(-WALL_MS, None)]) < 0, "behind, so not followed");
    }

    #[test]
    fn what_was_heard_long_ago_counts_no_more() {
        let mut voters = Voters::default();
        let reading = ClockReading {
            wall_ms: WALL_MS,
            log_ms: None,
        };
        voters.hear(2, NOW.boot_ns, reading);
        let at = |boot_ns| voters.quorum(1, &BTreeSet::from([1, 2, 3]), Now { boot_ns, ..NOW });
        assert!(at(NOW.boot_ns + FRESH_NS).is_some());
        assert_eq!(at(NOW.boot_ns + FRESH_NS + 1), None);
    }

    #[test]
    fn it_begins_at_the_latest_log_clock_else_at_the_wall_clocks() {
        assert_eq!(start_ms(&[(0, None), (0, None)]), 0);
        let ahead = [(0, Some(HOUR_MS)), (0, Some(2 * HOUR_MS))];
        assert_eq!(start_ms(&ahead), 2 * HOUR_MS);
        assert_eq!(start_ms(&[(0, Some(-60_000))]), -60_000);
        assert_eq!(start_ms(&[(-DAY_MS, None)]), -HOUR_MS, "the committed one");
        assert_eq!(start_ms(&[(0, Some(-2 * HOUR_MS))]), -HOUR_MS);
    }

    #[test]
    fn a_log_clock_far_from_the_walls_is_not_believed() {
        for absurd_ms in [i64::MIN, -DAY_MS - 1, DAY_MS + 1, i64::MAX] {
            assert_eq!(start_ms(&[(0, Some(absurd_ms))]), 0, "{absurd_ms}");
            let with_another = [(0, Some(absurd_ms)), (0, Some(1_000))];
            assert_eq!(start_ms(&with_another), 1_000, "{absurd_ms}");
            // Nor when its wall clock agrees with it.
            let both = [(absurd_ms, Some(absurd_ms)), (0, Some(1_000))];
            assert_eq!(start_ms(&both), 1_000, "{absurd_ms}");
        }
        assert_eq!(start_ms(&[(0, Some(DAY_MS))]), DAY_MS);
    }

    #[test]
    fn it_remembers_only_so_many() {
        let mut voters = Voters::default();
        let reading = ClockReading {
            wall_ms: WALL_MS,
            log_ms: None,
        };
        for voter in 0..1_000 {
            let boot_ns = i64::try_from(voter).expect("small");
            voters.hear(voter, boot_ns, reading);
        }
        assert_eq!(voters.heard.len(), REMEMBERED_MAX);
        assert!(voters.heard.contains_key(&999), "the newest is kept");
    }
}
