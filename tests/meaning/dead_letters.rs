//! Dead letters: stored once, bounded, counted when dropped.

use std::collections::BTreeMap;

use homeroom_core::shard::{DeadLetterGroup, Outcome};
use homeroom_core::{Reason, Refusal, Settings};

use crate::seeds::each_seed;
use homeroom_tests::rig::{CoreRig, Delivery, core_refusal};

const KIB: usize = 1_024;

fn letter(source: &str, number: usize, bytes: usize) -> Refusal<'static> {
    let mut payload = vec![b'x'; bytes];
    payload[..8].copy_from_slice(&(number as u64).to_le_bytes());
    core_refusal(source, Reason::Malformed, &payload)
}

fn refuse(rig: &mut CoreRig, refusal: Refusal<'static>) -> Outcome {
    let log_time_ms = rig.shard.log_time_ms() + 1;
    rig.apply(log_time_ms, &[Delivery::Refused(refusal)])
        .outcomes[0]
}

/// All letters, by source.
fn groups(rig: &CoreRig) -> BTreeMap<String, DeadLetterGroup> {
    let mut groups: BTreeMap<String, DeadLetterGroup> = BTreeMap::new();
    let letters = rig.shard.dead_letters();
    for (_, letter) in letters.iter() {
        groups
            .entry(letter.source.to_string())
            .or_default()
            .add(letter);
    }
    for ((source, _), expired) in letters.expired() {
        groups.entry(source.to_owned()).or_default().expired += expired;
    }
    groups
}

fn group(rig: &CoreRig, source: &str) -> DeadLetterGroup {
    groups(rig).remove(source).unwrap_or_default()
}

#[test]
fn the_same_bytes_of_the_same_source_are_kept_once() {
    let mut rig = CoreRig::new(Settings::default());
    let refused = Outcome::DeadLettered(Reason::Malformed);
    let again = Outcome::Duplicate {
        conflicting: false,
        reason: Some(Reason::Malformed),
    };
    assert_eq!(refuse(&mut rig, letter("lms", 1, 100)), refused);
    assert_eq!(refuse(&mut rig, letter("lms", 1, 100)), again);
    assert_eq!(refuse(&mut rig, letter("tool", 1, 100)), refused);
    assert_eq!(refuse(&mut rig, letter("lms", 2, 100)), refused);
    let counters = rig.shard.counters();
    assert_eq!(
        (counters["lms"].dead_letters(), counters["lms"].duplicate),
        (2, 1)
    );
    assert!(counters["lms"].is_conserved());
    let lms = group(&rig, "lms");
    assert_eq!((lms.kept, lms.expired), (2, 0));
    assert_eq!((lms.oldest_ms, lms.newest_ms), (Some(1), Some(4)));
}

#[test]
fn a_source_has_a_mebibyte_and_its_oldest_go_first() {
    let mut rig = CoreRig::new(Settings::default());
    refuse(&mut rig, letter("quiet", 0, 60 * KIB));
    for number in 0..40 {
        refuse(&mut rig, letter("loud", number, 60 * KIB));
        assert!(group(&rig, "loud").kept_bytes <= (KIB * KIB) as u64);
    }
    let loud = group(&rig, "loud");
    assert_eq!((loud.kept, loud.expired), (17, 23));
    assert_eq!(group(&rig, "quiet").kept, 1, "others are not harmed");
    let kept: Vec<u64> = rig.shard.dead_letters().iter().map(|(n, _)| n).collect();
    assert_eq!(kept[1..], (24..=40).collect::<Vec<u64>>());
    let forgotten = refuse(&mut rig, letter("loud", 0, 60 * KIB));
    assert_eq!(
        forgotten,
        Outcome::DeadLettered(Reason::Malformed),
        "gone, so no duplicate any more"
    );
}

#[test]
fn a_shard_has_eight_mebibytes_for_all_sources() {
    let mut rig = CoreRig::new(Settings::default());
    for number in 0..15 {
        let source = format!("source-{number:02}");
        for letter_number in 0..12 {
            refuse(&mut rig, letter(&source, letter_number, 60 * KIB));
        }
    }
    let groups = groups(&rig);
    let kept_bytes: u64 = groups.values().map(|group| group.kept_bytes).sum();
    let kept: u64 = groups.values().map(|group| group.kept).sum();
    let expired: u64 = groups.values().map(|group| group.expired).sum();
    assert!(kept_bytes <= 8 << 20);
    assert_eq!(kept + expired, 15 * 12);
    assert_eq!(group(&rig, "source-00").kept, 0, "the oldest went");
    assert_eq!(group(&rig, "source-14").kept, 12);
    rig.restart();
    assert_eq!(self::groups(&rig), groups);
}

#[test]
fn sources_with_made_up_names_take_no_room_for_ever() {
    let mut rig = CoreRig::new(Settings::default());
    let batch = |from: usize| -> Vec<Delivery> {
        let letters = from..from + 100;
        letters
            .map(|number| Delivery::Refused(letter(&format!("made-up-{number}"), number, 60 * KIB)))
            .collect()
    };
    for round in 0..14 {
        rig.apply(round, &batch(round as usize * 100));
    }
    let groups = groups(&rig);
    let expired: u64 = groups.values().map(|group| group.expired).sum();
    let kept: u64 = groups.values().map(|group| group.kept).sum();
    assert_eq!(kept + expired, 1_400);
    let without_letters = groups.values().filter(|group| group.kept == 0).count();
    assert!(without_letters <= 1_025, "{without_letters}");
    rig.restart();
}

#[test]
fn letters_survive_restarts_at_any_entry() {
    each_seed(
        "dead_letters::letters_survive_restarts_at_any_entry",
        10,
        |rng| {
            let mut stayed = CoreRig::new(Settings::default());
            let mut restarted = CoreRig::new(Settings::default());
            for _ in 0..60 {
                let source = ["lms", "tool"][rng.usize(..2)];
                let letter = letter(source, rng.usize(..50), 60 * KIB);
                let outcome = refuse(&mut stayed, letter.clone());
                assert_eq!(refuse(&mut restarted, letter), outcome);
                if rng.f64() < 0.2 {
                    restarted.restart();
                }
            }
            stayed.restart();
            restarted.restart();
            assert_eq!(stayed.shard, restarted.shard);
        },
    );
}
