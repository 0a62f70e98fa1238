//! A generated class: unlike with the unruly events, most deliveries are valid and in order.

use homeroom_core::Settings;
use homeroom_tests::generator::{EventLines, GeneratorSettings};
use homeroom_tests::oracle::{self, NaiveModel, parse_native};

use crate::outcomes::{assert_counts_equal, assert_outcome};
use crate::plan::Plan;
use crate::seeds::each_seed;
use homeroom_tests::rig::{
    CoreRig, Delivery, assert_reads_equal, core_event, core_reason, core_refusal,
};

/// The receiving clock for the generator's broken lines, some of them centuries ahead.
const NOW_MS: i64 = 1_760_000_000_000;

fn naive_settings() -> oracle::Settings {
    oracle::Settings {
        now_ms: Some(NOW_MS),
        ..oracle::Settings::default()
    }
}

fn lines(seed: u64) -> Vec<String> {
    EventLines::new(GeneratorSettings {
        lines: 1_000,
        learners: 12,
        courses: 3,
        seed,
        late: 0.01,
        broken: 0.02,
        duplicates: 0.05,
        ..GeneratorSettings::default()
    })
    .collect()
}

fn delivery(line: &str) -> Delivery {
    match parse_native(line.as_bytes(), &naive_settings()) {
        Ok(event) => Delivery::Event(core_event(&event)),
        Err(refusal) => {
            let source = refusal.source.as_deref().unwrap_or("listener:http");
            let reason = core_reason(refusal.reason);
            Delivery::Refused(core_refusal(source, reason, line.as_bytes()))
        }
    }
}

#[test]
fn a_class_reads_as_the_model_says() {
    each_seed("lifelike::a_class_reads_as_the_model_says", 3, |rng| {
        let mut lines = lines(rng.u64(..));
        for shuffled in [false, true] {
            if shuffled {
                rng.shuffle(&mut lines);
            }
            let model = NaiveModel::from_lines(&lines, naive_settings());
            let mut judge = NaiveModel::new(naive_settings());
            let mut expected = lines
                .iter()
                .map(|line| judge.deliver_native(line.as_bytes()));
            let deliveries: Vec<Delivery> = lines.iter().map(|line| delivery(line)).collect();
            let mut rig = CoreRig::new(Settings::default());
            let plan = Plan {
                log_start_ms: NOW_MS,
                again: 0.0,
                disturbed: false,
            };
            plan.apply(rng, &mut rig, &deliveries, |_, applied| {
                for got in &applied.outcomes {
                    assert_outcome(*got, expected.next().expect("one for each delivery"));
                }
            });
            rig.restart();
            assert_counts_equal(&rig, &model);
            assert_reads_equal(&rig, &model);
        }
    });
}
