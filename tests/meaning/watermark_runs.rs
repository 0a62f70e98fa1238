//! Random runs of the watermark: equal to the naive one, never decreasing, whatever ticks are
//! between.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_core::{Settings, SourcePolicy};

use crate::naive_watermark::NaiveWatermark;
use crate::seeds::each_seed;
use crate::watermark::click;
use homeroom_tests::rig::CoreRig;

const SOURCES: [&str; 4] = ["lms", "tool", "video", "ordered"];

fn settings() -> Settings {
    let ordered = SourcePolicy {
        ordered: true,
        ..SourcePolicy::default()
    };
    Settings {
        sources: BTreeMap::from([("ordered".to_owned(), ordered)]),
        ..Settings::default()
    }
}

/// Events of some sources at one log time, with event times near, before and after it.
fn moment(rng: &mut Rng, now_s: i64, lag_s: i64) -> Vec<(&'static str, i64)> {
    let event = |rng: &mut Rng| {
        let source = SOURCES[rng.usize(..SOURCES.len())];
        let off_s = [0, -3, -20, -121, -600, 15, 50][rng.usize(..7)];
        (source, now_s - lag_s + off_s + rng.i64(-2..=2))
    };
    (0..rng.usize(1..3)).map(|_| event(rng)).collect()
}

#[test]
fn the_watermark_is_the_naive_one_however_often_ticks_come() {
    each_seed(
        "watermark_runs::the_watermark_is_the_naive_one_however_often_ticks_come",
        100,
        |rng| {
            let mut naive = NaiveWatermark::default();
            let mut quiet = CoreRig::new(settings());
            let mut ticking = CoreRig::new(settings());
            let lag_s = [0, 5_000][rng.usize(..2)];
            let mut now_s = 100_000;
            for number in 0..rng.usize(1..40) {
                let pause_s = [0, 1, 9, 29, 30, 31, 95, 2_500][rng.usize(..8)];
                tick_between(rng, &mut ticking, now_s, pause_s);
                now_s += pause_s;
                naive.pass_to(now_s);
                for (place, (source, event_s)) in moment(rng, now_s, lag_s).into_iter().enumerate()
                {
                    naive.hear(source, event_s, source == "ordered");
                    naive.settle();
                    let id = format!("{number}-{place}");
                    for rig in [&mut quiet, &mut ticking] {
                        rig.apply_one(now_s * 1_000, click(source, &id, event_s * 1_000));
                    }
                }
                let expected = naive.watermark_s.map(|watermark_s| watermark_s * 1_000);
                assert_eq!(quiet.watermark_ms(), expected, "without ticks");
                assert_eq!(ticking.watermark_ms(), expected, "with ticks");
            }
            quiet.run_to_rest();
            ticking.run_to_rest();
            naive.pass_to(now_s + 4_000);
            let expected = naive.watermark_s.map(|watermark_s| watermark_s * 1_000);
            assert_eq!(quiet.watermark_ms(), expected);
            assert_eq!(ticking.watermark_ms(), expected);
        },
    );
}

fn tick_between(rng: &mut Rng, rig: &mut CoreRig, now_s: i64, pause_s: i64) {
    let mut ticks: Vec<i64> = (0..rng.usize(..4))
        .map(|_| now_s * 1_000 + rng.i64(0..=pause_s * 1_000))
        .collect();
    ticks.sort_unstable();
    for tick_ms in ticks {
        rig.tick(tick_ms);
    }
}

#[test]
fn neither_the_watermark_nor_log_time_goes_back() {
    each_seed(
        "watermark_runs::neither_the_watermark_nor_log_time_goes_back",
        60,
        |rng| {
            let mut rig = CoreRig::new(settings());
            let mut before = (None, 0);
            for number in 0..60 {
                // Leaders' clocks differ.
                let log_time_ms = 1_000_000 + rng.i64(-90_000..90_000) + number * 3_000;
                match rng.usize(..4) {
                    0 => drop(rig.tick(log_time_ms)),
                    1 => rig.restart(),
                    _ => {
                        let source = SOURCES[rng.usize(..SOURCES.len())];
                        let event_ms = 1_000_000 + rng.i64(-400_000..400_000);
                        rig.apply_one(log_time_ms, click(source, &number.to_string(), event_ms));
                    }
                }
                let now = (rig.watermark_ms(), rig.shard.log_time_ms());
                assert!(now.0 >= before.0 && now.1 >= before.1, "{before:?} {now:?}");
                before = now;
            }
        },
    );
}
