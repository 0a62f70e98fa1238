//! Detects the format of an input: native events or xAPI statements.

use homeroom_proto::v1::RawFormat;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The fields that only an xAPI statement has.
#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "actor")]
    _actor: IgnoredAny,
    #[serde(rename = "verb")]
    _verb: IgnoredAny,
}

/// The format of an input, from its first payload: an object with `actor` and `verb` is an xAPI
/// statement. Everything else counts as native; the node refuses what is neither.
pub fn recognise(first_payload: &[u8]) -> RawFormat {
    match serde_json::from_slice::<Statement>(first_payload) {
        Ok(_) => RawFormat::XapiJson,
        Err(_) => RawFormat::NativeJson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_by_its_actor_and_verb() {
        let statement = br#"{"actor":{"mbox":"mailto:a@b"},"verb":{"id":"x"},"object":{}}"#;
        assert_eq!(recognise(statement), RawFormat::XapiJson);
        for native in [
            &br#"{"userId":"u","verb":"x"}"#[..],
            b"[]",
            b"not json",
            b"7",
        ] {
            assert_eq!(recognise(native), RawFormat::NativeJson);
        }
    }
}
