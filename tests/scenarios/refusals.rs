//! Every reason for which intake refuses an event, in each input format. The outcome has the reason
//! and a message, the event becomes a dead letter, and sound events in the same request are
//! unaffected.

use homeroom_client::v1::{
    self, DeadLetterReason as Reason, EventStatus, PayloadFormat, RawEvents, RawFormat,
};
use homeroom_client::{Batch, Client};
use serde_json::Value;

use crate::harness::events::{HOUR_MS, client, publish, quiz};
use crate::harness::{Home, check, http};
use crate::refusal_cases::{
    Refused, native, native_refusals, posted_refusals, statement, statement_refusals,
    typed_refusals,
};

/// Bytes kept of a payload that is too large.
const CUT_BYTES: usize = 1_024;

/// All dead letters.
async fn letters(client: &Client) -> Vec<v1::DeadLetter> {
    let mut pages = client.dead_letter_pages(v1::ListRequest {
        page_size: 7,
        ..v1::ListRequest::default()
    });
    let mut letters = Vec::new();
    while let Some(page) = pages.next().await.expect("a page of dead letters") {
        letters.extend(page);
    }
    letters
}

fn assert_refused(outcome: &v1::EventOutcome, reason: Reason, detail: &str) {
    assert_eq!(
        (outcome.status(), outcome.reason()),
        (EventStatus::DeadLettered, reason),
        "{outcome:?}"
    );
    assert!(outcome.detail.contains(detail), "{detail:?} in {outcome:?}");
}

fn assert_kept(
    letters: &[v1::DeadLetter],
    expected: &Refused,
    source: &str,
    format: PayloadFormat,
) {
    let is_cut = expected.payload.len() > 64 * 1_024;
    let payload = &expected.payload[..if is_cut {
        CUT_BYTES
    } else {
        expected.payload.len()
    }];
    let same =
        |letter: &&v1::DeadLetter| letter.payload == payload && letter.reason() == expected.reason;
    let kept: Vec<&v1::DeadLetter> = letters.iter().filter(same).collect();
    let shown = String::from_utf8_lossy(payload);
    assert_eq!(kept.len(), 1, "{shown} is kept once: {kept:?}");
    assert_eq!(
        (kept[0].source.as_str(), kept[0].format()),
        (source, format),
        "{shown}"
    );
    assert!(kept[0].detail.contains(expected.detail), "{:?}", kept[0]);
}

/// Publishes the refused payloads twice, with a sound event before, between and after.
async fn refuse_raw(
    client: &Client,
    cases: &[Refused],
    sound: &Value,
    format: RawFormat,
    source: &str,
) {
    let mut payloads: Vec<bytes::Bytes> = vec![sound.to_string().into()];
    for case in cases {
        payloads.extend([case.payload.clone().into(), sound.to_string().into()]);
    }
    let raw = RawEvents {
        format: format.into(),
        payloads,
        source: source.to_owned(),
    };
    let outcomes = client
        .publish(&Batch::Raw(raw.clone()))
        .await
        .expect("outcomes");
    assert_eq!(
        outcomes[0].status(),
        EventStatus::Accepted,
        "{:?}",
        outcomes[0]
    );
    for (case, outcome) in cases.iter().zip(outcomes[1..].chunks(2)) {
        assert_refused(&outcome[0], case.reason, case.detail);
        assert_eq!(
            outcome[1].status(),
            EventStatus::Duplicate,
            "{:?}",
            outcome[1]
        );
    }
    let again = client.publish(&Batch::Raw(raw)).await.expect("outcomes");
    for (case, outcome) in cases.iter().zip(again[1..].chunks(2)) {
        assert_eq!(
            (outcome[0].status(), outcome[0].reason()),
            (EventStatus::Duplicate, case.reason)
        );
    }
}

/// Publishes the cases as `formats` of `source`. Each must be kept once, under the source that
/// `source_of` names, and nothing else.
async fn are_refused_and_kept(
    cases: &[Refused],
    sound: &Value,
    formats: (RawFormat, PayloadFormat),
    source: &str,
    source_of: fn(&Refused) -> &str,
) {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let client = client(&home);
    refuse_raw(&client, cases, sound, formats.0, source).await;
    let letters = letters(&client).await;
    for case in cases {
        assert_kept(&letters, case, source_of(case), formats.1);
    }
    assert_eq!(letters.len(), cases.len());
    check::conserved(&home.cli());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_events_are_refused_with_their_reason() {
    let formats = (RawFormat::NativeJson, PayloadFormat::NativeJson);
    let source_of = |case: &Refused| {
        if case.is_signed {
            "lms"
        } else {
            "listener:grpc"
        }
    };
    are_refused_and_kept(&native_refusals(), &native(), formats, "", source_of).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_are_refused_with_their_reason() {
    let formats = (RawFormat::XapiJson, PayloadFormat::XapiJson);
    let cases = statement_refusals();
    are_refused_and_kept(&cases, &statement(), formats, "moodle", |_| "moodle").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typed_events_are_refused_with_their_reason() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let (client, cases) = (client(&home), typed_refusals());
    let mut events = vec![quiz("bo", "1", HOUR_MS)];
    events.extend(cases.iter().map(|(event, ..)| event.clone()));
    let outcomes = publish(&client, events.clone()).await;
    assert_eq!(outcomes[0].status(), EventStatus::Accepted);
    let letters = letters(&client).await;
    for ((event, reason, detail), outcome) in cases.iter().zip(&outcomes[1..]) {
        assert_refused(outcome, *reason, detail);
        let kept = letters
            .iter()
            .find(|letter| letter.reason() == *reason && letter.detail == outcome.detail);
        let kept = kept.unwrap_or_else(|| panic!("no dead letter for {outcome:?}"));
        assert_eq!(kept.format(), PayloadFormat::Protobuf);
        let source = if event.source.is_empty() {
            "listener:grpc"
        } else {
            "lms"
        };
        assert_eq!(
            (kept.source.as_str(), &kept.user_id),
            (source, &event.user_id)
        );
    }
    assert_eq!(letters.len(), cases.len());
    let again = publish(&client, events).await;
    assert!(
        again
            .iter()
            .all(|outcome| outcome.status() == EventStatus::Duplicate),
        "{again:?}"
    );
    check::conserved(&home.cli());
}

fn posted_cases() -> Vec<Refused> {
    let statements = statement_refusals().into_iter();
    statements.chain(posted_refusals()).collect()
}

#[test]
fn posted_statements_are_refused_one_by_one() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let url = home.url("/xAPI/statements");
    let cases = posted_cases();
    for case in &cases {
        // A body that is not JSON has no statements.
        if case.reason == Reason::Malformed {
            refused_post(&url, &case.payload, "malformed");
            continue;
        }
        let body = match case.payload.as_slice() {
            array @ [b'[', ..] => [b"[", array, b"]"].concat(),
            other => other.to_vec(),
        };
        let answer = refused_post(&url, &body, "statements_refused");
        assert_refusal(case, 0, &answer["error"]["statements"][0]);
    }
    let sources = check::conserved(&home.cli());
    assert_eq!(sources[0]["deadLettered"], cases.len());
}

#[test]
fn posted_statements_are_refused_together() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let url = home.url("/xAPI/statements");
    let mut cases = posted_cases();
    cases.retain(|case| case.reason != Reason::Malformed);
    let mut parts = vec![statement().to_string().into_bytes()];
    parts.extend(cases.iter().map(|case| case.payload.clone()));
    let body = [b"[", parts.join(&b',').as_slice(), b"]"].concat();
    for _ in 0..2 {
        let answer = refused_post(&url, &body, "statements_refused");
        let refusals = answer["error"]["statements"].as_array();
        let refusals = refusals.expect("what was refused");
        assert_eq!(refusals.len(), cases.len());
        for (index, (case, refusal)) in cases.iter().zip(refusals).enumerate() {
            assert_refusal(case, index + 1, refusal);
        }
    }
    let sources = check::conserved(&home.cli());
    let counted = &sources[0];
    assert_eq!(counted["source"], "moodle");
    assert_eq!(counted["accepted"], 0, "the sound one was not taken");
    assert_eq!(counted["deadLettered"], cases.len());
    assert_eq!(counted["duplicate"], cases.len(), "of dead letters");
}

fn refused_post(url: &str, body: &[u8], code: &str) -> Value {
    let (status, answer) = http::post_json(url, Some("moodle"), body);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &code.into()),
        "{answer}"
    );
    answer
}

fn assert_refusal(case: &Refused, index: usize, refusal: &Value) {
    assert_eq!(refusal["index"], index);
    let name = case
        .reason
        .as_str_name()
        .trim_start_matches("DEAD_LETTER_REASON_")
        .to_lowercase();
    assert_eq!(refusal["reason"], name.as_str(), "{refusal}");
    let detail = refusal["detail"].as_str();
    assert!(
        detail.is_some_and(|detail| detail.contains(case.detail)),
        "{:?} in {refusal}",
        case.detail
    );
}

#[test]
fn posted_events_are_refused_one_by_one() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let url = home.url("/v1/events");
    let cases = native_refusals();
    let mut body = native().to_string().into_bytes();
    for case in &cases {
        body.extend(
            [
                b"\n",
                case.payload.as_slice(),
                b"\n",
                native().to_string().as_bytes(),
            ]
            .concat(),
        );
    }
    for status in ["DEAD_LETTERED", "DUPLICATE"] {
        let answer = http::post(&url, &[("Content-Type", "application/x-ndjson")], &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let outcomes = answer["outcomes"].as_array().expect("outcomes");
        assert_eq!(outcomes.len(), 1 + 2 * cases.len());
        for (case, outcomes) in cases.iter().zip(outcomes[1..].chunks(2)) {
            assert_eq!(outcomes[0]["status"], status, "{}", outcomes[0]);
            let name = case.reason.as_str_name();
            let name = name.trim_start_matches("DEAD_LETTER_REASON_");
            assert_eq!(outcomes[0]["reason"], name, "{}", outcomes[0]);
            let detail = outcomes[0]["detail"].as_str().expect("words");
            assert!(
                status == "DUPLICATE" || detail.contains(case.detail),
                "{detail}"
            );
            assert_eq!(
                (&outcomes[1]["status"], &outcomes[1]["eventId"]),
                (&"DUPLICATE".into(), &"1".into())
            );
        }
    }
    let sources = check::conserved(&home.cli());
    let unsigned = cases.iter().filter(|case| !case.is_signed).count();
    let of = |name: &str| sources.iter().find(|source| source["source"] == name);
    let listener = of("listener:http").expect("those without a source");
    assert_eq!(listener["deadLettered"], unsigned);
    let lms = of("lms").expect("the others");
    assert_eq!(lms["deadLettered"], cases.len() - unsigned);
    assert_eq!(lms["accepted"], 1);
}
