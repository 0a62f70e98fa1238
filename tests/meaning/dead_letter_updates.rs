//! Updates of dead letters: removed and amended by entries of their own, compared with a naive
//! list.

use fastrand::Rng;
use homeroom_core::entry::{Entry, encode_dead_letter_update, encode_tick};
use homeroom_core::shard::Outcome;
use homeroom_core::{AmendedLetter, DeadLetterUpdate, DecodeError, Reason, Settings};

use crate::seeds::each_seed;
use homeroom_tests::rig::{CoreRig, Delivery, core_refusal};

const SOURCE_BYTES_MAX: usize = 1 << 20;
const SHARD_BYTES_MAX: usize = 8 << 20;

/// A stored letter of the model.
#[derive(Clone, Debug, PartialEq)]
struct Naive {
    number: u64,
    source: String,
    payload: Vec<u8>,
    reason: Reason,
    detail: String,
    user_id: Option<String>,
}

/// All stored letters, oldest first.
#[derive(Debug, Default)]
struct NaiveLetters {
    kept: Vec<Naive>,
    next: u64,
    expired: u64,
}

impl Naive {
    fn bytes(&self) -> usize {
        let user_id = self.user_id.as_ref().map_or(0, String::len);
        self.payload.len() + self.detail.len() + 4 * self.source.len() + user_id + 64
    }
}

impl NaiveLetters {
    fn refuse(&mut self, source: &str, reason: Reason, payload: &[u8], detail: &str) -> Outcome {
        let same = |letter: &Naive| letter.source == source && letter.payload == payload;
        if self.kept.iter().any(same) {
            return Outcome::Duplicate {
                conflicting: false,
                reason: Some(reason),
            };
        }
        self.kept.push(Naive {
            number: self.next,
            source: source.to_owned(),
            payload: payload.to_vec(),
            reason,
            detail: detail.to_owned(),
            user_id: None,
        });
        self.next += 1;
        self.make_room();
        Outcome::DeadLettered(reason)
    }

    fn work(&mut self, work: &DeadLetterUpdate) {
        self.kept
            .retain(|letter| !work.removed.contains(&letter.number));
        for amended in &work.amended {
            for letter in &mut self.kept {
                if letter.number == amended.number {
                    letter.reason = amended.reason;
                    letter.detail = amended.detail.to_string();
                    letter.user_id = amended.user_id.as_deref().map(str::to_owned);
                }
            }
            self.make_room();
        }
    }

    /// Drops the oldest letters of a source over its budget, then the oldest of all.
    fn make_room(&mut self) {
        let too_full = |kept: &[Naive], at: usize| {
            let of_source = kept
                .iter()
                .filter(|letter| letter.source == kept[at].source);
            of_source.map(Naive::bytes).sum::<usize>() > SOURCE_BYTES_MAX
        };
        while let Some(at) = (0..self.kept.len()).find(|&at| too_full(&self.kept, at)) {
            self.kept.remove(at);
            self.expired += 1;
        }
        while self.kept.iter().map(Naive::bytes).sum::<usize>() > SHARD_BYTES_MAX {
            self.kept.remove(0);
            self.expired += 1;
        }
    }
}

fn any_reason(rng: &mut Rng) -> Reason {
    Reason::ALL[rng.usize(..Reason::ALL.len())]
}

/// Numbers of letters that exist, existed, or never will.
fn any_work(rng: &mut Rng, next: u64) -> DeadLetterUpdate {
    let some = |rng: &mut Rng| -> Vec<u64> {
        let count = rng.usize(..6);
        (0..count).map(|_| rng.u64(..next + 3)).collect()
    };
    let amended = some(rng).into_iter().map(|number| AmendedLetter {
        number,
        reason: any_reason(rng),
        detail: "x".repeat(rng.usize(..512)).into(),
        user_id: rng.bool().then(|| "y".repeat(rng.usize(1..1_024)).into()),
    });
    DeadLetterUpdate {
        amended: amended.collect(),
        removed: some(rng),
    }
}

fn kept(rig: &CoreRig) -> Vec<Naive> {
    let letters = rig.shard.dead_letters().iter();
    let naive = letters.map(|(number, letter)| Naive {
        number,
        source: letter.source.to_string(),
        payload: letter.payload.clone(),
        reason: letter.reason,
        detail: letter.detail.to_string(),
        user_id: letter.user_id.as_deref().map(str::to_owned),
    });
    naive.collect()
}

#[test]
fn letters_are_those_of_a_naive_list() {
    each_seed(
        "dead_letter_updates::letters_are_those_of_a_naive_list",
        10,
        |rng| {
            let mut rig = CoreRig::new(Settings::default());
            let mut naive = NaiveLetters::default();
            for step in 0..300 {
                let log_time_ms = step;
                if rng.f64() < 0.15 {
                    let work = any_work(rng, naive.next);
                    rig.update_dead_letters(log_time_ms, &work);
                    naive.work(&work);
                } else {
                    let source = format!("source-{}", rng.usize(..12).min(rng.usize(..12)));
                    let payload = vec![rng.u8(..32); rng.usize(1..4) * (20 << 10)];
                    let refusal = core_refusal(&source, any_reason(rng), &payload);
                    let (reason, detail) = (refusal.reason, refusal.detail.to_string());
                    let outcome = rig
                        .apply(log_time_ms, &[Delivery::Refused(refusal)])
                        .outcomes[0];
                    assert_eq!(outcome, naive.refuse(&source, reason, &payload, &detail));
                }
                if rng.f64() < 0.05 {
                    rig.restart();
                }
                assert_eq!(kept(&rig), naive.kept);
                let expired = rig.shard.dead_letters().expired();
                assert_eq!(expired.map(|(_, count)| count).sum::<u64>(), naive.expired);
            }
            rig.restart();
            assert_eq!(kept(&rig), naive.kept);
            let sources = rig.shard.counters();
            assert!(sources.values().all(|counters| counters.is_conserved()));
            let replayed = CoreRig::replayed(Settings::default(), &rig.log);
            assert_eq!(kept(&replayed), naive.kept);
        },
    );
}

#[test]
fn what_is_forgotten_is_refused_anew_and_what_stays_tells_the_newest_reason() {
    let mut rig = CoreRig::new(Settings::default());
    let refuse = |rig: &mut CoreRig, reason| {
        let refusal = core_refusal("lms", reason, b"broken");
        rig.apply(0, &[Delivery::Refused(refusal)]).outcomes[0]
    };
    let (malformed, late) = (Reason::Malformed, Reason::Late);
    assert_eq!(
        refuse(&mut rig, malformed),
        Outcome::DeadLettered(malformed)
    );
    let again = Outcome::Duplicate {
        conflicting: false,
        reason: Some(late),
    };
    assert_eq!(refuse(&mut rig, late), again, "why it is refused now");
    assert_eq!(
        kept(&rig)[0].reason,
        malformed,
        "a delivery changes no letter"
    );
    rig.update_dead_letters(
        0,
        &DeadLetterUpdate {
            amended: vec![AmendedLetter {
                number: 0,
                reason: late,
                detail: "too late".into(),
                user_id: Some("ada".into()),
            }],
            removed: vec![7],
        },
    );
    rig.restart();
    let letter = kept(&rig).remove(0);
    assert_eq!((letter.reason, &*letter.detail), (late, "too late"));
    assert_eq!(letter.user_id.as_deref(), Some("ada"));
    rig.update_dead_letters(
        0,
        &DeadLetterUpdate {
            removed: vec![0],
            amended: Vec::new(),
        },
    );
    rig.restart();
    assert_eq!(kept(&rig), []);
    assert_eq!(rig.shard.dead_letters().expired().count(), 0);
    assert_eq!(rig.shard.counters()["lms"].dead_letters(), 1);
    assert_eq!(
        refuse(&mut rig, malformed),
        Outcome::DeadLettered(malformed)
    );
    assert_eq!(kept(&rig)[0].number, 1, "a number is never given twice");
}

#[test]
fn older_builds_read_all_but_the_new_entry_and_name_its_version() {
    let work = DeadLetterUpdate {
        removed: vec![1, 300],
        amended: vec![AmendedLetter {
            number: 2,
            reason: Reason::Poison,
            detail: "é".into(),
            user_id: Some("b".into()),
        }],
    };
    let bytes = encode_dead_letter_update(-5, &work);
    // Version, log time (zigzag), kind, removed, amended: this form is fixed.
    let expected = [2, 9, 3, 2, 1, 0xAC, 2, 1, 2, 9, 2, 0xC3, 0xA9, 1, 1, b'b'];
    assert_eq!(bytes, expected);
    let entry = Entry::decode(&bytes).expect("its own encoding");
    assert_eq!(
        (entry.log_time_ms, entry.command),
        (-5, homeroom_core::entry::Command::DeadLetters(work))
    );
    assert_eq!(encode_tick(-5), [1, 9, 1], "as the first build wrote it");
    for end in 1..bytes.len() {
        assert_eq!(
            Entry::decode(&bytes[..end]),
            Err(DecodeError::Damaged),
            "cut after {end}"
        );
    }
}
