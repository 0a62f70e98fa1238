//! Position tokens as text, for HTTP headers, JSON and command lines.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use prost::Message;

use crate::v1::PositionToken;

/// A text that is not a position token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPosition;

impl fmt::Display for BadPosition {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("this is no position token as a node gave it")
    }
}

impl std::error::Error for BadPosition {}

/// An opaque text: the encoded message in URL-safe base64 without padding. Empty for an empty
/// token.
impl fmt::Display for PositionToken {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.encode_to_vec()))
    }
}

impl FromStr for PositionToken {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(text.trim_ascii())
            .map_err(|_| BadPosition)?;
        Self::decode(bytes.as_slice()).map_err(|_| BadPosition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::ShardPosition;

    #[test]
    fn a_token_comes_back_from_its_text() {
        let token = PositionToken {
            cluster_id: "7f0c1a52-6a43-4e0e-9f26-2d6f6a4f0b11".to_owned(),
            shards: vec![
                ShardPosition {
                    shard: 0,
                    index: 1,
                    term: 7,
                    leader: 3,
                },
                ShardPosition {
                    shard: 255,
                    index: u64::MAX,
                    ..ShardPosition::default()
                },
            ],
        };
        let text = token.to_string();
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{text}"
        );
        assert_eq!(text.parse(), Ok(token));
        assert_eq!("".parse(), Ok(PositionToken::default()));
    }

    /// A token with the indexes 7 and 9 of shards 0 and 3, as builds without terms made it.
    #[test]
    fn a_token_of_an_older_build_is_read() {
        let token: PositionToken = "CgFjEgIQBxIECAMQCQ".parse().expect("a token");
        let at = |shard, index| ShardPosition {
            shard,
            index,
            term: 0,
            leader: 0,
        };
        assert_eq!(token.cluster_id, "c");
        assert_eq!(token.shards, [at(0, 7), at(3, 9)]);
        assert_eq!(token.to_string(), "CgFjEgIQBxIECAMQCQ");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["é", "a", "====", "AAAA", "Cg==", "CgX_"] {
            assert_eq!(text.parse::<PositionToken>(), Err(BadPosition), "{text}");
        }
    }
}
