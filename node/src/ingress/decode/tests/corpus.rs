//! A corpus of difficult inputs with fixed verdicts. No mutation of an input makes a decoder panic.

use std::{fs, path::Path};

use homeroom_core::{Event, Refusal, Settings};
use proptest::{
    prelude::*,
    sample::{Index, select},
};
use serde::Deserialize;

use super::context;
use crate::ingress::{decode_native, decode_standard_xapi, decode_xapi};

/// One input.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    /// The payload, where it is text.
    payload: Option<String>,
    /// Otherwise its bytes in hexadecimal.
    hex: Option<String>,
    /// `accepted`, or the reason of the refusal.
    verdict: String,
    /// The verdict as a posted statement, where it differs.
    posted: Option<String>,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let digits = match (&self.payload, &self.hex) {
            (Some(text), None) => return text.clone().into_bytes(),
            (None, Some(digits)) => digits.as_bytes(),
            _ => panic!("{}: either a payload or its bytes", self.name),
        };
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }
}

fn corpus(name: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/decoders");
    let text = fs::read_to_string(folder.join(name)).expect("the corpus");
    let cases: Vec<Case> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    assert!(cases.len() > 30, "{name} is cut off");
    cases
}

fn verdict(decoded: &Result<Event<'_>, Refusal<'_>>) -> &'static str {
    match decoded {
        Ok(event) => {
            assert!(!event.event_id.is_empty() && !event.user_id.is_empty());
            "accepted"
        }
        Err(refusal) => {
            assert!(refusal.detail.len() < 600 && !refusal.detail.is_empty());
            assert!(!refusal.source.is_empty());
            refusal.reason.name()
        }
    }
}

fn native(payload: &[u8]) -> &'static str {
    verdict(&decode_native(payload, &context(&Settings::default())))
}

fn statement(payload: &[u8]) -> &'static str {
    verdict(&decode_xapi(payload, "", &context(&Settings::default())))
}

fn posted(payload: &[u8]) -> &'static str {
    let settings = Settings::default();
    let decoded = decode_standard_xapi(payload, "", &context(&settings));
    verdict(&decoded.map(|(event, _)| event))
}

#[test]
fn each_native_input_of_the_corpus_has_its_verdict() {
    for case in corpus("native.jsonl") {
        assert_eq!(native(&case.bytes()), case.verdict, "{}", case.name);
    }
}

#[test]
fn each_statement_of_the_corpus_has_its_verdict() {
    for case in corpus("xapi.jsonl") {
        assert_eq!(statement(&case.bytes()), case.verdict, "{}", case.name);
        let expected = case.posted.as_ref().unwrap_or(&case.verdict);
        assert_eq!(posted(&case.bytes()), expected, "{}, posted", case.name);
    }
}

/// One change to some bytes.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
    Cut(Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let range = |one: &Index, other: &Index| {
            let (one, other) = (one.index(length), other.index(length));
            one.min(other)..one.max(other)
        };
        match self {
            Self::Put(at, byte) => bytes[at.index(length)] = *byte,
            Self::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove(one, other) => drop(bytes.drain(range(one, other))),
            Self::Repeat(one, other) => bytes.extend_from_within(range(one, other)),
            Self::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<Index>();
    let tokens: [&[u8]; 14] = [
        b"\"", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"\\ud800", b"1e999", b"-",
        b"\0", b"\xff",
    ];
    let token = select(tokens.to_vec());
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (at(), token).prop_map(|(at, token)| Change::Insert(at, token.to_vec())),
        (at(), at()).prop_map(|(one, other)| Change::Remove(one, other)),
        (at(), at()).prop_map(|(one, other)| Change::Repeat(one, other)),
        at().prop_map(Change::Cut),
    ]
}

proptest! {
    #[test]
    fn changed_inputs_of_the_corpus_have_a_verdict(
        chosen in any::<Index>(),
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        let cases: Vec<Case> = [corpus("native.jsonl"), corpus("xapi.jsonl")].into_iter().flatten().collect();
        let mut bytes = chosen.get(&cases).bytes();
        for change in &changes {
            change.apply(&mut bytes);
        }
        let (native, statement, posted) = (native(&bytes), statement(&bytes), posted(&bytes));
        prop_assert!(!native.is_empty());
        // The standard is stricter, never more lenient.
        prop_assert!(statement == "accepted" || posted == statement);
    }
}
