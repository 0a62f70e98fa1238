//! Tests of sorting a request's deliveries by shard.

use homeroom_core::{
    Event, Reason, Settings,
    entry::{Command, Entry, Record, encode_batch, refusal_hash},
    learner_hash, shard_of,
};

use crate::ingress::decode::tests::{context, native, with};
use crate::ingress::{Admission, DeliveryContext, decode_xapi};
use crate::route::Routed;

const SHARDS: u16 = 4;

#[test]
fn each_delivery_goes_once_to_its_own_shard_in_order() {
    let settings = Settings::default();
    let mut admission = Admission::new(context(&settings), 3);
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

#[test]
fn a_shard_judges_by_its_own_log_time_and_takes_nothing_without_one() {
    let settings = Settings::default();
    let of = |user_id: &str| with(&format!(r#""userId":"{user_id}""#));
    let shard_of = |user_id: &str| shard_of(learner_hash(user_id), 4) as usize;
    let users: Vec<String> = (0..40).map(|number| format!("u{number}")).collect();
    let now_ms = context(&settings).log_times_ms[0].expect("log time");
    // Shard 0 is 59 s behind the events, shard 1 61 s, and shard 2 has no log time.
    let events_ms = now_ms - 60_000;
    let log_times_ms = [
        Some(events_ms - 59_000),
        Some(events_ms - 61_000),
        None,
        Some(now_ms),
    ];
    let context = DeliveryContext {
        log_times_ms: &log_times_ms,
        ..context(&settings)
    };
    let mut admission = Admission::new(context, users.len());
    for user_id in &users {
        admission.native(of(user_id).as_bytes());
    }
    for (slot, user_id) in users.iter().enumerate() {
        let age_ms = [Some(-59_000), None, None, Some(60_000)][shard_of(user_id)];
        assert_eq!(admission.ages_ms[slot], age_ms, "{user_id}");
        let details = admission.details.iter();
        let mut details = details.filter(|(of, _)| *of as usize == slot);
        let detail = details.next().map(|(_, detail)| detail.as_str());
        let expected = match shard_of(user_id) {
            1 => Some("timestamp is 61000 ms ahead of log time, at most 60000 are taken"),
            2 => Some("shard 2 has no log time yet"),
            _ => None,
        };
        assert_eq!(detail, expected, "{user_id}");
    }
    assert_eq!(admission.deliveries() as usize, users.len());
    let parts = admission.take_parts();
    assert!(parts.iter().all(|part| part.shard != 2));
    let taken: usize = parts.iter().map(|part| part.slots.len()).sum();
    let untaken = users.iter().filter(|user_id| shard_of(user_id) == 2);
    assert_eq!(taken, users.len() - untaken.count());
}

#[test]
fn a_statement_without_a_time_has_the_log_time_of_its_learners_shard() {
    let settings = Settings::default();
    let log_times_ms = [1, 2, 3, 4].map(|hour| Some(hour * 3_600_000));
    let context = DeliveryContext {
        log_times_ms: &log_times_ms,
        ..context(&settings)
    };
    for number in 0..20 {
        let statement = format!(
            r#"{{"actor":{{"mbox":"mailto:u{number}@a.test"}},
                "verb":{{"id":"http://adlnet.gov/expapi/verbs/experienced"}},"object":{{"id":"https://a.test/1"}}}}"#
        );
        let event = decode_xapi(statement.as_bytes(), "", &context).expect("an event");
        let shard = shard_of(learner_hash(&event.user_id), 4);
        assert_eq!(Some(event.timestamp_ms), log_times_ms[shard as usize]);
        let again = DeliveryContext {
            first_arrived_ms: Some(7),
            ..context
        };
        let event = decode_xapi(statement.as_bytes(), "", &again).expect("an event");
        assert_eq!(event.timestamp_ms, 7, "a dead letter keeps its own");
    }
}
