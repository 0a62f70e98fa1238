//! A clock that is anchored once, and follows another only slowly.
//!
//! Pure: readings of all clocks are arguments.

use super::NS_PER_S;

/// For how long the wall clock has to be ahead before it is followed.
const AHEAD_FOR_NS: i64 = 60 * NS_PER_S;
/// While it follows, the clock runs at this many times real time.
const PACE: i64 = 10;
/// The wall clock is ahead beyond this difference. Smaller ones are left alone.
const AHEAD_BY_NS: i64 = NS_PER_S / 10;
/// After a longer time without an observation, nothing is known about the wall clock in between.
const UNOBSERVED_NS: i64 = 5 * NS_PER_S;

/// What is added to the time since boot to give the clock's time. Never decreases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    offset_ns: i64,
    /// Time since boot of the last comparison with another clock, ns.
    compared_ns: i64,
    /// Time since boot at which the wall clock was first seen ahead, and has been since, ns.
    ahead_since_ns: Option<i64>,
}

impl Anchor {
    /// Shows a time at a time since boot, both in ns.
    pub fn new(boot_ns: i64, shows_ns: i64) -> Self {
        Self {
            offset_ns: offset_ns(boot_ns, shows_ns),
            compared_ns: boot_ns,
            ahead_since_ns: None,
        }
    }

    /// What is added to the time since boot, ns; never `i64::MIN`.
    pub fn offset_ns(self) -> i64 {
        self.offset_ns
    }

    /// Whether it runs at ten times real time at a time since boot, ns.
    pub fn is_catching_up(self, boot_ns: i64) -> bool {
        let is_compared = boot_ns.saturating_sub(self.compared_ns) <= UNOBSERVED_NS;
        is_compared && self.ahead_for_ns(self.compared_ns) >= AHEAD_FOR_NS
    }

    /// Sets the clock forward to a time at a time since boot, both in ns; never back.
    pub fn raise(&mut self, boot_ns: i64, to_ns: i64) {
        self.offset_ns = self.offset_ns.max(offset_ns(boot_ns, to_ns));
    }

    /// Follows a leader's clock that shows a time at a time since boot, both in ns. The leader's
    /// clock may run at ten times real time, so this one may, too, and no faster.
    pub fn follow(&mut self, boot_ns: i64, leader_ns: i64) {
        let passed_ns = self.compare(boot_ns).min(UNOBSERVED_NS);
        self.ahead_since_ns = None;
        self.catch_up(offset_ns(boot_ns, leader_ns), passed_ns);
    }

    /// Compares with the wall clock at a time since boot, both in ns. To be called every second.
    pub fn observe(&mut self, boot_ns: i64, wall_ns: i64) {
        let passed_ns = self.compare(boot_ns);
        let wall_offset_ns = offset_ns(boot_ns, wall_ns);
        if wall_offset_ns.saturating_sub(self.offset_ns) <= AHEAD_BY_NS {
            self.ahead_since_ns = None;
            return;
        }
        if passed_ns > UNOBSERVED_NS {
            self.ahead_since_ns = Some(boot_ns);
            return;
        }
        self.ahead_since_ns.get_or_insert(boot_ns);
        if self.ahead_for_ns(boot_ns) >= AHEAD_FOR_NS {
            self.catch_up(wall_offset_ns, passed_ns);
        }
    }

    fn ahead_for_ns(self, boot_ns: i64) -> i64 {
        let since_ns = self.ahead_since_ns.unwrap_or(boot_ns);
        boot_ns.saturating_sub(since_ns)
    }

    /// Time since the last comparison, ns.
    fn compare(&mut self, boot_ns: i64) -> i64 {
        let passed_ns = boot_ns.saturating_sub(self.compared_ns).max(0);
        self.compared_ns = boot_ns;
        passed_ns
    }

    /// Moves towards a later offset, as far as the pace allows after some time, both in ns.
    fn catch_up(&mut self, to_ns: i64, passed_ns: i64) {
        let most_ns = self.offset_ns.saturating_add(passed_ns * (PACE - 1));
        self.offset_ns = self.offset_ns.max(to_ns.min(most_ns));
    }
}

/// Saturates, one above the least number.
fn offset_ns(boot_ns: i64, shows_ns: i64) -> i64 {
    shows_ns.saturating_sub(boot_ns).max(i64::MIN + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_NS: i64 = 3_600 * NS_PER_S;
    /// A wall clock at the start, ns.
    const START_NS: i64 = 1_800_000_000 * NS_PER_S;

    /// Observes a wall clock that is off by what the function says of each second since the start.
    /// Returns by how much the clock is off in each second, s.
    fn run(seconds: i64, wall_off_s: impl Fn(i64) -> i64) -> Vec<i64> {
        let mut anchor = Anchor::new(0, START_NS + wall_off_s(0) * NS_PER_S);
        let observed = (1..=seconds).map(|second| {
            let boot_ns = second * NS_PER_S;
            anchor.observe(boot_ns, START_NS + boot_ns + wall_off_s(second) * NS_PER_S);
            (anchor.offset_ns() - START_NS) / NS_PER_S
        });
        observed.collect()
    }

    #[test]
    fn a_step_by_an_hour_for_half_a_minute_does_nothing() {
        for hour in [3_600, -3_600] {
            let off = run(
                200,
                |second| if (30..60).contains(&second) { hour } else { 0 },
            );
            assert!(off.iter().all(|off| *off == 0), "{hour}: {off:?}");
        }
    }

    #[test]
    fn a_wall_clock_that_stays_ahead_is_followed_after_a_minute_at_ten_times_real_time() {
        let off = run(600, |second| if second < 10 { 0 } else { 3_600 });
        let at = |second: usize| off[second - 1];
        assert_eq!((at(69), at(70), at(71), at(170)), (0, 9, 18, 909));
        assert_eq!((at(469), at(470), at(600)), (3_600, 3_600, 3_600));
    }

    #[test]
    fn one_that_goes_back_is_not_followed() {
        let off = run(600, |second| if second < 10 { 0 } else { -3_600 });
        assert!(off.iter().all(|off| *off == 0));
        // Begun an hour ahead: it waits for the wall clock, and follows no more.
        let off = run(600, |second| if second < 10 { 3_600 } else { 0 });
        assert!(off.iter().all(|off| *off == 3_600));
    }

    #[test]
    fn a_suspended_machine_is_no_step() {
        let mut anchor = Anchor::new(0, START_NS);
        // Both clocks count on meanwhile.
        anchor.observe(HOUR_NS, START_NS + HOUR_NS);
        assert_eq!(
            anchor,
            Anchor {
                compared_ns: HOUR_NS,
                ..Anchor::new(0, START_NS)
            }
        );
        // A wall clock that was set meanwhile is followed only once it was seen for a minute.
        anchor.observe(2 * HOUR_NS, START_NS + 3 * HOUR_NS);
        anchor.observe(2 * HOUR_NS + NS_PER_S, START_NS + 3 * HOUR_NS + NS_PER_S);
        assert_eq!(anchor.offset_ns(), START_NS);
    }

    #[test]
    fn it_is_set_forward_only() {
        let mut anchor = Anchor::new(0, START_NS);
        anchor.raise(NS_PER_S, START_NS);
        assert_eq!(anchor.offset_ns(), START_NS);
        anchor.raise(NS_PER_S, START_NS + HOUR_NS);
        assert_eq!(anchor.offset_ns(), START_NS + HOUR_NS - NS_PER_S);
    }

    proptest! {
        /// Whatever the wall clock does, the clock never goes back, never outruns ten times real
        /// time, and is never set beyond the wall clock.
        #[test]
        fn it_never_goes_back_and_never_outruns_its_pace(
            steps in proptest::collection::vec((0_i64..20_000_000_000, any::<i64>(), any::<bool>()), 1..200)
        ) {
            let mut anchor = Anchor::new(0, START_NS);
            let (mut boot_ns, mut wall_off_ns) = (0_i64, 0_i64);
            for (passed_ns, off_ns, is_step) in steps {
                boot_ns += passed_ns;
                if is_step {
                    wall_off_ns = off_ns % (2 * HOUR_NS);
                }
                let before = anchor;
                anchor.observe(boot_ns, START_NS + boot_ns + wall_off_ns);
                let gained_ns = anchor.offset_ns() - before.offset_ns();
                prop_assert!((0..=passed_ns * (PACE - 1)).contains(&gained_ns));
                prop_assert!(gained_ns == 0 || anchor.offset_ns() <= START_NS + wall_off_ns);
            }
        }
    }
}
