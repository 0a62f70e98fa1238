//! The sort order of a roster, and the page token made of it.

use std::cmp::Reverse;

use homeroom_core::learner::HelpReason;
use tonic::Status;

use crate::status;

/// Sort key of a roster's entry: learners who most need help come first. Invariant: no two learners
/// have the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RosterKey {
    pub reasons: Reverse<usize>,
    pub count: Reverse<u64>,
    pub since_ms: i64,
    pub user_id: Box<str>,
}

impl RosterKey {
    /// The key of a learner with these reasons to need help.
    pub fn of(user_id: &str, reasons: &[HelpReason]) -> Self {
        let oldest_ms = reasons.iter().map(|reason| reason.since_ms).min();
        Self {
            reasons: Reverse(reasons.len()),
            count: Reverse(reasons.iter().map(|reason| u64::from(reason.count)).sum()),
            since_ms: oldest_ms.unwrap_or(0),
            user_id: user_id.into(),
        }
    }
}

/// The token of the page that begins after this key.
pub fn to_token(key: &RosterKey) -> String {
    let RosterKey {
        reasons,
        count,
        since_ms,
        user_id,
    } = key;
    format!("{}.{}.{since_ms}.{user_id}", reasons.0, count.0)
}

/// Parses a token; `None` for the first page.
///
/// # Errors
/// When it can't be parsed.
pub fn parse_token(token: &str) -> Result<Option<RosterKey>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let key = || {
        let mut parts = token.splitn(4, '.');
        let mut next = || parts.next();
        let key = RosterKey {
            reasons: Reverse(next()?.parse().ok()?),
            count: Reverse(next()?.parse().ok()?),
            since_ms: next()?.parse().ok()?,
            user_id: next()?.into(),
        };
        Some(key)
    };
    key()
        .map(Some)
        .ok_or_else(|| status::invalid("page_token", "not one of this method's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_where_the_next_page_begins() {
        for user_id in ["anna", "", "mailto:ö.b@example.org", "a.b.c"] {
            let key = RosterKey {
                reasons: Reverse(2),
                count: Reverse(7),
                since_ms: -5,
                user_id: user_id.into(),
            };
            let parsed = parse_token(&to_token(&key)).expect("our own token");
            assert_eq!(parsed, Some(key));
        }
        assert!(parse_token("1.2.3").is_err());
        assert!(parse_token("x.2.3.anna").is_err());
    }
}
