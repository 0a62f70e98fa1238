//! Three voters with clocks of their own.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use proptest::{collection::vec, prelude::*, sample::select};

use super::{ClockReading, LogClock, NS_PER_MS, TimeSource};

const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600_000;
/// The true time at the start, ms.
const START_MS: i64 = 1_800_000_000_000;
/// Readings are cut to whole ms.
const ROUNDING_MS: i64 = 3;

/// Time since boot, and how far its wall clock is off the true time, ms.
struct Machine {
    since_boot_ms: AtomicI64,
    booted_ms: i64,
    wall_off_ms: AtomicI64,
}

impl TimeSource for Machine {
    fn since_boot_ns(&self) -> i64 {
        self.since_boot_ms.load(Ordering::Relaxed) * NS_PER_MS
    }

    fn wall_ns(&self) -> i64 {
        let true_ms = self.booted_ms + self.since_boot_ms.load(Ordering::Relaxed);
        let off_ms = self.wall_off_ms.load(Ordering::Relaxed);
        true_ms.saturating_add(off_ms).saturating_mul(NS_PER_MS)
    }
}

/// Three voters with the ids 0 to 2.
struct Group {
    machines: [Arc<Machine>; 3],
    clocks: [Arc<LogClock>; 3],
    voters: BTreeSet<u64>,
}

impl Group {
    /// The wall clocks are off by this, ms.
    fn new(wall_off_ms: [i64; 3]) -> Self {
        let mut number = 0;
        let machines = wall_off_ms.map(|off_ms| {
            number += 1;
            let since_boot_ms = number * 100 * HOUR_MS;
            Arc::new(Machine {
                since_boot_ms: since_boot_ms.into(),
                booted_ms: START_MS - since_boot_ms,
                wall_off_ms: off_ms.into(),
            })
        });
        let clocks = machines.each_ref().map(clock);
        Self {
            machines,
            clocks,
            voters: BTreeSet::from([0, 1, 2]),
        }
    }

    /// All three were anchored by the first, which has heard both others.
    fn led_by_the_first(wall_off_ms: [i64; 3]) -> Self {
        let group = Self::new(wall_off_ms);
        group.hear(0, [1, 2]);
        assert!(group.anchor(0));
        group.lead(0, [1, 2]);
        group
    }

    fn pass(&self, ms: i64) {
        for machine in &self.machines {
            machine.since_boot_ms.fetch_add(ms, Ordering::Relaxed);
        }
    }

    fn set_wall(&self, node: usize, off_ms: i64) {
        let wall_off_ms = &self.machines[node].wall_off_ms;
        wall_off_ms.store(off_ms, Ordering::Relaxed);
    }

    fn anchor(&self, node: usize) -> bool {
        self.clocks[node].anchor(node as u64, &self.voters)
    }

    fn observe(&self, node: usize) {
        self.clocks[node].observe(node as u64, &self.voters);
    }

    /// One hears others.
    fn hear(&self, node: usize, others: impl IntoIterator<Item = usize>) {
        for other in others {
            let reading = self.clocks[other].reading();
            self.clocks[node].heard_voter(other as u64, reading);
        }
    }

    /// Heartbeats to others, with their answers.
    fn lead(&self, leader: usize, others: impl IntoIterator<Item = usize>) {
        for other in others {
            self.clocks[other].heard_leader(self.clocks[leader].reading());
            self.hear(leader, [other]);
        }
    }

    /// Seconds of a leader's life, with all three up.
    fn seconds(&self, leader: usize, seconds: i64) {
        let others = || (0..3).filter(move |node| *node != leader);
        for _ in 0..seconds {
            self.pass(SECOND_MS);
            self.lead(leader, others());
            self.observe(leader);
        }
        self.lead(leader, others());
    }

    /// Log time, relative to the true time, ms.
    fn off_ms(&self, node: usize) -> Option<i64> {
        let machine = &self.machines[node];
        let true_ms = machine.booted_ms + machine.since_boot_ms.load(Ordering::Relaxed);
        Some(self.clocks[node].now_ms()? - true_ms)
    }

    fn now_ms(&self, node: usize) -> i64 {
        self.clocks[node].now_ms().expect("an anchor")
    }

    fn restart(&mut self, node: usize) {
        self.clocks[node] = clock(&self.machines[node]);
    }
}

fn clock(machine: &Arc<Machine>) -> Arc<LogClock> {
    let time: Arc<dyn TimeSource> = Arc::clone(machine) as _;
    LogClock::new(time)
}

#[test]
fn one_voter_begins_at_its_wall_clock_or_at_the_committed_log_time() {
    let alone = BTreeSet::from([0]);
    for (committed_ms, off_ms) in [(START_MS - HOUR_MS, 5), (START_MS + HOUR_MS, HOUR_MS)] {
        let group = Group::new([5, 0, 0]);
        let clock = &group.clocks[0];
        clock.committed(committed_ms);
        assert_eq!(clock.now_ms(), None, "an entry is no anchor");
        assert!(clock.anchor(0, &alone));
        assert_eq!(group.off_ms(0), Some(off_ms));
        group.pass(HOUR_MS);
        assert_eq!(group.off_ms(0), Some(off_ms), "counted on");
    }
}

#[test]
fn a_leader_of_three_waits_for_a_quorum_and_takes_the_median() {
    let group = Group::new([HOUR_MS, 7, -HOUR_MS]);
    assert!(!group.anchor(0));
    group.hear(0, [1, 2]);
    assert!(group.anchor(0));
    assert_eq!(group.off_ms(0), Some(7));
    let group = Group::new([HOUR_MS, 7, -HOUR_MS]);
    group.hear(0, [1]);
    group.pass(6 * SECOND_MS);
    assert!(!group.anchor(0), "heard long ago");
    group.hear(0, [1]);
    assert!(group.anchor(0));
    assert_eq!(group.off_ms(0), Some(7), "the earlier of two");
}

#[test]
fn a_leader_without_an_anchor_takes_the_latest_log_clock() {
    let mut group = Group::led_by_the_first([-HOUR_MS, -HOUR_MS, 0]);
    group.restart(0);
    group.restart(2);
    group.hear(2, [0, 1]);
    assert!(group.anchor(2));
    assert_eq!(group.off_ms(2), Some(-HOUR_MS), "not its wall clock");
}

#[test]
fn several_clocks_of_a_machine_are_read_at_once() {
    let group = Group::led_by_the_first([0; 3]);
    let other = clock(&group.machines[0]);
    let untimed = clock(&group.machines[0]);
    other.heard_leader(reading(0, Some(START_MS + 7)));
    group.pass(SECOND_MS);
    let clocks = [&*group.clocks[0], &*other, &*untimed];
    let now_ms = LogClock::all_now_ms(clocks.into_iter());
    assert_eq!(now_ms, clocks.map(LogClock::now_ms));
    let expected = [Some(START_MS + SECOND_MS), Some(START_MS + SECOND_MS + 7)];
    assert_eq!(now_ms, [&expected[..], &[None]].concat());
}

#[test]
fn a_follower_is_as_fresh_as_its_leader_after_an_idle_hour() {
    let group = Group::led_by_the_first([0, HOUR_MS, -HOUR_MS]);
    group.seconds(0, 3_600);
    for node in [1, 2] {
        assert!(group.anchor(node), "without hearing voters");
        assert_eq!(group.off_ms(node), Some(0), "{node}");
    }
}

#[test]
fn the_leader_follows_the_median_slowly_and_the_others_follow_the_leader() {
    let group = Group::led_by_the_first([-HOUR_MS; 3]);
    group.set_wall(0, 0);
    group.seconds(0, 600);
    assert_eq!(group.off_ms(0), Some(-HOUR_MS), "one of three is no median");
    group.set_wall(2, 0);
    group.seconds(0, 60);
    assert_eq!(group.off_ms(0), Some(-HOUR_MS), "not yet");
    group.seconds(0, 1);
    assert!(group.clocks[0].is_catching_up());
    assert_eq!(group.off_ms(0), Some(-HOUR_MS + 9 * SECOND_MS));
    group.seconds(0, 399);
    assert_eq!(group.off_ms(0), Some(0));
    group.seconds(0, 60);
    assert!(!group.clocks[0].is_catching_up());
    for node in 0..3 {
        assert_eq!(group.off_ms(node), Some(0), "{node}");
    }
}

#[test]
fn a_leader_without_a_quorum_follows_no_wall_clock() {
    let group = Group::led_by_the_first([0; 3]);
    (0..3).for_each(|node| group.set_wall(node, HOUR_MS));
    for _ in 0..600 {
        group.pass(SECOND_MS);
        group.observe(0);
    }
    assert_eq!(group.off_ms(0), Some(0));
}

#[test]
fn suspended_machines_count_on() {
    let group = Group::led_by_the_first([0, HOUR_MS, -HOUR_MS]);
    group.seconds(0, 70);
    group.pass(10 * HOUR_MS);
    for node in 0..3 {
        assert_eq!(group.off_ms(node), Some(0), "{node}");
    }
    group.seconds(0, 70);
    assert_eq!(group.off_ms(0), Some(0));
}

/// What a single node with a broken clock may say.
const ABSURD: [ClockReading; 4] = [
    reading(i64::MAX, Some(i64::MAX)),
    reading(i64::MIN, Some(i64::MIN)),
    reading(i64::MAX, None),
    reading(START_MS, Some(i64::MAX)),
];

const fn reading(wall_ms: i64, log_ms: Option<i64>) -> ClockReading {
    ClockReading { wall_ms, log_ms }
}

#[test]
fn an_absurd_reading_of_one_voter_does_no_harm() {
    for absurd in ABSURD {
        for with_another in [false, true] {
            let group = Group::new([0; 3]);
            group.clocks[0].heard_voter(2, absurd);
            if with_another {
                group.hear(0, [1]);
            }
            assert!(group.anchor(0), "{absurd:?}");
            assert_eq!(group.off_ms(0), Some(0), "{absurd:?}");
            for _ in 0..600 {
                group.pass(SECOND_MS);
                group.clocks[0].heard_voter(2, absurd);
                group.hear(0, [1]);
                group.observe(0);
            }
            assert_eq!(group.off_ms(0), Some(0), "{absurd:?}");
        }
    }
}

#[test]
fn an_absurd_leader_moves_a_follower_no_faster_than_ten_times_real_time() {
    let absurd = reading(i64::MAX, Some(i64::MAX));
    let group = Group::led_by_the_first([0; 3]);
    group.pass(SECOND_MS);
    group.clocks[1].heard_leader(absurd);
    assert_eq!(group.off_ms(1), Some(9 * SECOND_MS));
    group.clocks[1].heard_leader(absurd);
    assert_eq!(group.off_ms(1), Some(9 * SECOND_MS), "no time has passed");
    group.pass(HOUR_MS);
    group.clocks[1].heard_leader(absurd);
    assert_eq!(group.off_ms(1), Some(6 * 9 * SECOND_MS), "5 s count");
    let group = Group::new([0; 3]);
    group.clocks[1].heard_leader(absurd);
    assert_eq!(group.off_ms(1), None, "and is no anchor");
    group.clocks[1].heard_leader(reading(0, None));
    assert_eq!(group.off_ms(1), None);
    group.clocks[1].heard_leader(reading(0, Some(START_MS + 5)));
    assert_eq!(group.off_ms(1), Some(5));
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_for_an_anchor_are_woken() {
    let group = Group::new([0; 3]);
    let (clock, voters) = (&group.clocks[0], &group.voters);
    let leading = async {
        clock.anchor_when_heard(0, voters).await;
        clock.now_ms()
    };
    let waiting = async {
        clock.anchored().await;
        clock.now_ms()
    };
    let hearing = async {
        tokio::task::yield_now().await;
        group.hear(0, [1]);
    };
    let (led, waited, ()) = tokio::join!(leading, waiting, hearing);
    assert_eq!((led, waited), (Some(START_MS), Some(START_MS)));
}

/// A moment in the life of a group.
#[derive(Clone, Debug)]
struct Moment {
    passed_ms: i64,
    /// A wall clock that is set, and by how much it is off then, ms.
    set: Option<(usize, i64)>,
    /// The others that the leader reaches.
    reached: [bool; 2],
    /// Who leads from then on, if that changes.
    leader: Option<usize>,
    /// Who is restarted, of those that do not lead.
    restarted: Option<usize>,
}

fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let passed_ms = prop_oneof![
        500 => 0..2 * SECOND_MS,
        1 => Just(20 * SECOND_MS),
        1 => Just(HOUR_MS),
    ];
    let off_ms = prop_oneof![
        4 => -2 * HOUR_MS..2 * HOUR_MS,
        1 => select(vec![i64::MIN, i64::MAX, -START_MS]),
    ];
    let sometimes = |share: f64| prop::option::weighted(share, 0_usize..3);
    let set = prop::option::weighted(0.005, (0_usize..3, off_ms));
    let reached = prop::array::uniform2(prop::bool::weighted(0.8));
    let moment = (passed_ms, set, reached, sometimes(0.005), sometimes(0.005));
    let moment = moment.prop_map(|(passed_ms, set, reached, leader, restarted)| Moment {
        passed_ms,
        set,
        reached,
        leader,
        restarted,
    });
    vec(moment, 1..600)
}

proptest! {
    /// Whatever wall clocks, leaders and restarts do: log time of the leader never goes back, gains
    /// at most nine times the time that passes, follows only where a majority of the wall clocks is
    /// ahead, begins nowhere else under a new leader, and comes to the median in the end.
    #[test]
    fn whatever_the_clocks_do_log_time_goes_on_and_follows_slowly(
        moments in moments(),
        walls_ms in prop::array::uniform3(-2 * HOUR_MS..2 * HOUR_MS),
    ) {
        let mut group = Group::led_by_the_first([0; 3]);
        let (mut leader, mut unset_for_ms) = (0, 0);
        for moment in moments {
            let before_ms = group.now_ms(leader);
            group.pass(moment.passed_ms);
            unset_for_ms += moment.passed_ms;
            if let Some((node, off_ms)) = moment.set {
                group.set_wall(node, off_ms);
                unset_for_ms = 0;
            }
            if let Some(node) = moment.leader.filter(|node| *node != leader) {
                // It has applied what was committed, and asks a quorum if it was restarted.
                group.clocks[node].committed(before_ms);
                group.hear(node, (0..3).filter(|other| *other != node));
                leader = node;
                prop_assert!(group.anchor(leader));
            }
            if let Some(node) = moment.restarted.filter(|node| *node != leader) {
                group.restart(node);
            }
            let others = (0..3).filter(|node| *node != leader);
            let reached = others.zip(moment.reached).filter(|(_, is_reached)| *is_reached);
            group.lead(leader, reached.map(|(node, _)| node));
            let counted_ms = group.now_ms(leader);
            group.observe(leader);
            let now_ms = group.now_ms(leader);
            let gained_ms = now_ms - before_ms - moment.passed_ms;
            prop_assert!(now_ms >= before_ms);
            prop_assert!(gained_ms <= 9 * moment.passed_ms + ROUNDING_MS, "{gained_ms}");
            if now_ms > counted_ms {
                let ahead = group.clocks.iter().filter(|clock| clock.reading().wall_ms >= now_ms);
                // For 5 s a reading from before a wall clock was set may count.
                prop_assert!(ahead.count() >= 2 || unset_for_ms <= 5 * SECOND_MS);
            }
        }
        // In the end it comes to the median, or stays where it is ahead.
        walls_ms.iter().enumerate().for_each(|(node, off_ms)| group.set_wall(node, *off_ms));
        let before_ms = [0, 1, 2].map(|node| group.off_ms(node));
        group.seconds(leader, 5 * 3_600 / 9);
        let mut walls_ms = walls_ms;
        walls_ms.sort_unstable();
        let of_leader_ms = before_ms[leader].max(Some(walls_ms[1]));
        for (node, before_ms) in before_ms.into_iter().enumerate() {
            // One that led before may be ahead.
            let expected_ms = of_leader_ms.max(before_ms).expect("an anchor");
            let apart_ms = expected_ms - group.off_ms(node).expect("an anchor");
            prop_assert!((-ROUNDING_MS..=100 + ROUNDING_MS).contains(&apart_ms));
        }
    }
}
