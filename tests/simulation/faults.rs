//! The schedule of faults.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::cluster::{Cluster, GROUPS, NODES, Weather};

const HOUR_MS: i64 = 3_600_000;
/// Time in which nothing happens, so that the liveness is checked.
const CALM: Duration = Duration::from_millis(5_500);
/// Time for a new replica to be taken into all groups, s.
const REPLACED_WITHIN: Duration = Duration::from_secs(40);

/// Faults of one run, one after the other.
pub struct Faults {
    cluster: Arc<Cluster>,
    rng: Rng,
    /// The node whose wall clock may be wrong; a majority's is right.
    odd_clock: usize,
}

impl Faults {
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let mut rng = cluster.shared.sim.rng();
        Self {
            cluster,
            odd_clock: rng.usize(..NODES),
            rng,
        }
    }

    /// Sets the wall clocks and starts all nodes.
    pub async fn begin(&mut self) {
        if self.rng.bool() {
            self.step_wall();
        }
        for node in 0..NODES {
            self.cluster.start(node);
            self.pause(0..100).await;
        }
    }

    /// Draws some faults.
    pub async fn run(&mut self, count: usize) {
        for _ in 0..count {
            match self.rng.u8(..14) {
                0..3 => self.kill_some().await,
                3 => self.storm().await,
                4..6 => self.cut_one_way().await,
                6..8 => self.isolate().await,
                8 => self.lose_messages().await,
                9 => self.delay_messages().await,
                10 => self.step_wall(),
                11 => self.lose_disk().await,
                12 => self.hand_over().await,
                _ => tokio::time::sleep(CALM).await,
            }
            self.pause(0..2_500).await;
        }
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let all = |weather: &mut Weather| *weather = Weather::default();
        self.cluster.network().set(all);
        for node in 0..NODES {
            self.cluster.start(node);
        }
        self.cluster.disturb(format_args!("healed"));
    }

    async fn pause(&mut self, ms: std::ops::Range<u64>) {
        tokio::time::sleep(Duration::from_millis(self.rng.u64(ms))).await;
    }

    fn change(&self, what: &str, change: impl FnOnce(&mut Weather)) {
        self.cluster.network().set(change);
        let weather = self.cluster.network().weather();
        self.cluster.disturb(format_args!("{what} {weather:?}"));
    }

    async fn kill_some(&mut self) {
        let first = self.rng.usize(..NODES);
        let count = self.rng.usize(1..=2);
        let killed: Vec<usize> = (0..count).map(|nth| (first + nth) % NODES).collect();
        for node in &killed {
            self.cluster.kill(*node);
            self.pause(0..300).await;
        }
        if self.rng.u8(..4) == 0 {
            tokio::time::sleep(CALM).await;
        }
        for node in killed {
            self.pause(0..2_000).await;
            self.cluster.start(node);
        }
    }

    /// All nodes restart within an election timeout, again and again.
    async fn storm(&mut self) {
        for _ in 0..self.rng.usize(1..=4) {
            for node in 0..NODES {
                self.cluster.kill(node);
                if self.rng.bool() {
                    self.cluster.start(node);
                }
                self.pause(0..200).await;
            }
            for node in 0..NODES {
                self.cluster.start(node);
                self.pause(0..100).await;
            }
            self.pause(0..1_500).await;
        }
    }

    async fn cut_one_way(&mut self) {
        let from = self.rng.usize(..NODES);
        let others = [(from + 1) % NODES, (from + 2) % NODES];
        let (is_inbound, both) = (self.rng.bool(), self.rng.bool());
        let others = &others[..if both { 2 } else { 1 }];
        let links = others.iter().map(|to| match is_inbound {
            true => (*to, from),
            false => (from, *to),
        });
        let links: Vec<_> = links.collect();
        self.change("cut", |weather| weather.cut.extend(links));
        self.pause(500..7_000).await;
        self.change("mended", |weather| weather.cut.clear());
    }

    async fn isolate(&mut self) {
        let node = self.rng.usize(..NODES);
        let others = (0..NODES).filter(|other| *other != node);
        let links: Vec<_> = others
            .flat_map(|other| [(node, other), (other, node)])
            .collect();
        self.change("isolated", |weather| weather.cut.extend(links));
        self.pause(500..7_000).await;
        self.change("mended", |weather| weather.cut.clear());
    }

    async fn lose_messages(&mut self) {
        let loss = self.rng.f64() * 0.4;
        self.change("loss", |weather| weather.loss = loss);
        self.pause(500..5_000).await;
        self.change("mended", |weather| weather.loss = 0.0);
    }

    async fn delay_messages(&mut self) {
        let most_ms = [15, 60, 400][self.rng.usize(..3)];
        self.change("delay", |weather| weather.delay_ms = 0..=most_ms);
        self.pause(500..6_000).await;
        let usual = Weather::default().delay_ms;
        self.change("mended", |weather| weather.delay_ms = usual);
    }

    fn step_wall(&mut self) {
        let error_ms = [HOUR_MS, -HOUR_MS, 0][self.rng.usize(..3)];
        self.cluster.set_wall_error_ms(self.odd_clock, error_ms);
    }

    /// A node comes back with nothing, as another replica of each group.
    async fn lose_disk(&mut self) {
        let node = self.rng.usize(..NODES);
        for node in 0..NODES {
            self.cluster.start(node);
        }
        self.cluster.set_replacing(true);
        self.cluster.lose_disk(node);
        self.pause(0..2_000).await;
        self.cluster.start(node);
        let replaced = self.cluster.replace(node);
        if tokio::time::timeout(REPLACED_WITHIN, replaced)
            .await
            .is_err()
        {
            let sim = &self.cluster.shared.sim;
            sim.violated("a lost replica is replaced", format_args!("node {node}"));
        }
        self.cluster.set_replacing(false);
    }

    /// Leaders of some groups ask others to take over.
    async fn hand_over(&mut self) {
        self.cluster.disturb(format_args!("hand over"));
        for process in self.cluster.network().running() {
            for group in 0..GROUPS {
                let led = process.group(group).filter(|it| it.leadership().leads);
                if let Some(led) = led
                    && self.rng.bool()
                {
                    let voters = led.voters();
                    let to = self.rng.choice(&voters).copied();
                    if let Some(to) = to.filter(|to| *to != process.replica) {
                        // An error is that of a group that has stopped.
                        let _ = led.hand_over(to).await;
                    }
                }
            }
        }
    }
}
