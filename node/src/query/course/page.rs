//! The size of a page, and its first entry.

use tonic::Status;

use super::roster_key::{RosterKey, parse_token};

/// Entries in a page if the request gives no size.
const SIZE_DEFAULT: usize = 100;
/// Maximum entries of a roster in a page.
pub const ROSTER_SIZE_MAX: usize = 10_000;

/// The part of a roster that a request asks for.
#[derive(Clone, Debug)]
pub struct RosterPage {
    /// Maximum number of entries.
    pub size: usize,
    /// The page contains only entries after this one.
    pub after: Option<RosterKey>,
    /// Only learners with a reason to need help.
    pub needing_help_only: bool,
}

impl RosterPage {
    /// No entries, for requests that need only the sums.
    pub fn none() -> Self {
        Self {
            size: 0,
            after: None,
            needing_help_only: true,
        }
    }

    /// The page that a request asks for.
    ///
    /// # Errors
    /// When the token can't be parsed.
    pub fn of(page_size: u32, page_token: &str, needing_help_only: bool) -> Result<Self, Status> {
        Ok(Self {
            size: size(page_size, ROSTER_SIZE_MAX),
            after: parse_token(page_token)?,
            needing_help_only,
        })
    }
}

/// The requested page size, within its bounds.
pub fn size(requested: u32, most: usize) -> usize {
    match requested as usize {
        0 => SIZE_DEFAULT,
        requested => requested.min(most),
    }
}
