//! Pages: how large, and where one goes on.

use std::cmp::Reverse;

use tonic::Status;

use super::class::Rank;
use crate::status;

/// Entries in a page, when the request does not say.
const SIZE_DEFAULT: usize = 100;
/// Entries of a roster in a page, at most.
pub const ROSTER_SIZE_MAX: usize = 10_000;

/// Which part of a roster is asked for.
#[derive(Clone, Debug)]
pub struct RosterPage {
    /// Entries, at most.
    pub size: usize,
    /// Only entries after this one.
    pub after: Option<Rank>,
    /// Only learners with a reason.
    pub needing_help_only: bool,
}

impl RosterPage {
    /// No entries: who asks wants the sums.
    pub fn none() -> Self {
        Self {
            size: 0,
            after: None,
            needing_help_only: true,
        }
    }

    /// As a request asks.
    ///
    /// # Errors
    /// When the token is none of ours.
    pub fn of(page_size: u32, page_token: &str, needing_help_only: bool) -> Result<Self, Status> {
        Ok(Self {
            size: size(page_size, ROSTER_SIZE_MAX),
            after: parse_token(page_token)?,
            needing_help_only,
        })
    }
}

/// A page's size as asked, within its bounds.
pub fn size(asked: u32, most: usize) -> usize {
    match asked as usize {
        0 => SIZE_DEFAULT,
        asked => asked.min(most),
    }
}

/// Where the page after this rank begins.
pub fn to_token(rank: &Rank) -> String {
    let Rank {
        reasons,
        count,
        since_ms,
        user_id,
    } = rank;
    format!("{}.{}.{since_ms}.{user_id}", reasons.0, count.0)
}

fn parse_token(token: &str) -> Result<Option<Rank>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let rank = || {
        let mut parts = token.splitn(4, '.');
        let mut next = || parts.next();
        let rank = Rank {
            reasons: Reverse(next()?.parse().ok()?),
            count: Reverse(next()?.parse().ok()?),
            since_ms: next()?.parse().ok()?,
            user_id: next()?.into(),
        };
        Some(rank)
    };
    rank()
        .map(Some)
        .ok_or_else(|| status::invalid("page_token", "not one of this method's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_where_the_next_page_begins() {
        for user_id in ["anna", "", "mailto:ö.b@example.org", "a.b.c"] {
            let rank = Rank {
                reasons: Reverse(2),
                count: Reverse(7),
                since_ms: -5,
                user_id: user_id.into(),
            };
            let parsed = parse_token(&to_token(&rank)).expect("our own token");
            assert_eq!(parsed, Some(rank));
        }
        assert!(parse_token("1.2.3").is_err());
        assert!(parse_token("x.2.3.anna").is_err());
    }
}
