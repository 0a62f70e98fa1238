//! Tests of sorting a request's deliveries by shard.

use homeroom_core::{
    Event, Reason, Settings,
    entry::{Command, Entry, Record, encode_batch, refusal_hash},
    learner_hash, shard_of,
};

use crate::ingress::Admission;
use crate::ingress::decode::tests::{context, native, with};
use crate::route::Routed;

const SHARDS: u16 = 4;

#[test]
fn each_delivery_goes_once_to_its_own_shard_in_order() {
    let settings = Settings::default();
    let mut admission = Admission::new(context(&settings), 3, SHARDS);
    let mut lines: Vec<String> = Vec::new();
    for learner in 0..40 {
        lines.push(with(&format!(r#""userId":"u{}""#, learner % 13)));
        lines.push(with(&format!(r#""userId":"u{learner}","score":-1"#)));
        lines.push(format!("broken {learner}"));
    }
    for line in &lines {
        admission.native(line.as_bytes());
    }
    assert_eq!(admission.deliveries() as usize, lines.len());
    let parts = admission.take_parts();
    assert!(parts.is_sorted_by_key(|part| part.shard));

    let mut seen = vec![false; lines.len()];
    for part in &parts {
        assert!(part.slots.is_sorted());
        check_part(part, &lines);
        for &slot in &part.slots {
            assert!(!std::mem::replace(&mut seen[slot as usize], true));
        }
    }
    assert!(seen.iter().all(|seen| *seen));
}

fn check_part(part: &Routed, lines: &[String]) {
    let entry = encode_batch(0, std::iter::once(&part.records));
    let Command::Batch(records) = Entry::decode(&entry).unwrap().command else {
        panic!("a batch")
    };
    assert_eq!(records.len(), part.slots.len());
    for (record, &slot) in records.zip(&part.slots) {
        let decoded = native(&lines[slot as usize]);
        let hash = match (record.unwrap(), decoded) {
            (Record::Event { user_id, event }, Ok(expected)) => {
                assert_eq!(Event::decode(user_id, event).unwrap(), expected);
                learner_hash(user_id)
            }
            (Record::Refused(refusal), Err(expected)) => {
                assert_eq!(refusal, expected);
                assert_eq!(
                    refusal.user_id.is_none(),
                    refusal.reason == Reason::Malformed
                );
                refusal_hash(&refusal)
            }
            (record, decoded) => panic!("{record:?} for {decoded:?}"),
        };
        assert_eq!(shard_of(hash, SHARDS.into()), part.shard);
    }
}
