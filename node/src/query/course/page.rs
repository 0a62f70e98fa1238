//! Pages: how large, and where one goes on.

use tonic::Status;

use super::roster_key::{RosterKey, parse_token};

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
    pub after: Option<RosterKey>,
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
pub fn size(requested: u32, most: usize) -> usize {
    match requested as usize {
        0 => SIZE_DEFAULT,
        requested => requested.min(most),
    }
}
